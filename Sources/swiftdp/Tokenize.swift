// swiftdp tokenize
import ArgumentParser
import Base
import Foundation
import Tokenizers

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the token ids of each line of a file as a JSON array.")

  @Option(
    help: "A folder with a tokenizer.json, or with a file of SentencePiece or tiktoken.",
    transform: Launch.path)
  var model: String
  @Flag(help: "Print the pieces beside the ids.")
  var pieces = false
  @Argument(help: "A text file, or - for standard input.", transform: Launch.path)
  var file: String

  func run() throws {
    let mistakes = [
      UserError.noModelFolder(model, at: "--model"), file == "-" ? nil : UserError.noFile(file),
    ]
    guard mistakes.allSatisfy({ $0 == nil }) else { throw UserErrors(mistakes.compactMap { $0 }) }
    let tokenizer = try Tokenizer(folder: model)
    if file == "-" {
      try FileHandle.standardInput.readDataToEndOfFile().withUnsafeBytes { try write($0, by: tokenizer) }
    } else {
      try MappedFile(file).withBytes { try write($0, by: tokenizer) }
    }
  }

  /// Encodes line by line.
  private func write(_ text: UnsafeRawBufferPointer, by tokenizer: Tokenizer) throws {
    var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // The text after the last line end is not a line.
    if lines.last?.isEmpty == true { lines.removeLast() }
    var out = ""
    for (number, line) in lines.enumerated() {
      guard line.count <= Tokenizer.longestText else {
        throw UserError(
          .data, "has \(line.count) bytes, and a text at most \(Tokenizer.longestText)",
          at: "\(file):\(number + 1)")
      }
      let ids = tokenizer.encode(Array(line), addSpecialTokens: true)
      if pieces {
        let pairs = ids.map { JSON.array([.integer(Int($0)), .string(tokenizer.piece($0) ?? "")]) }
        out += JSON.array(pairs).encoded() + "\n"
      } else {
        out += JSON.array(ids.map { .integer(Int($0)) }).encoded() + "\n"
      }
      if out.utf8.count > 1 << 16 {
        try StandardStream.output.writeAll(out)
        out = ""
      }
    }
    try StandardStream.output.writeAll(out)
  }
}

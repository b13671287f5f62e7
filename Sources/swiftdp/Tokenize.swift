// swiftdp tokenize
import ArgumentParser
import Base
import Foundation
import Tokenizers

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the token ids of each line of a file as a JSON array.")

  @Option(help: "A folder with a tokenizer.json.")
  var model: String
  @Flag(help: "Print the pieces beside the ids.")
  var pieces = false
  @Argument(help: "A text file, or - for standard input.")
  var file: String

  func run() throws {
    if file != "-", let mistake = UserError.noFile(file) { throw mistake }
    let tokenizer = try Tokenizer(file: model + "/tokenizer.json")
    let text =
      file == "-" ? [UInt8](FileHandle.standardInput.readDataToEndOfFile()) : try OpenFile.contents(file)
    var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // What follows the last line's end is no line.
    if lines.last?.isEmpty == true { lines.removeLast() }
    var out = ""
    for line in lines {
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

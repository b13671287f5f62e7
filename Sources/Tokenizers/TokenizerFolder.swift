// Which file of a model's folder its tokenizer is read from: tokenizer.json, or else an older one.
import Base
import Foundation

extension Tokenizer {
  /// - Parameter folder: a Hugging Face folder.
  package convenience init(folder: String) throws {
    let names = ["tokenizer.json", "tokenizer.model"] + Self.tiktokenFiles(folder)
    // Without any, the message is that tokenizer.json is missing.
    let name = names.first { FileManager.default.fileExists(atPath: folder + "/" + $0) } ?? names[0]
    let path = folder + "/" + name
    guard !path.hasSuffix("/tokenizer.json") else {
      try self.init(file: path)
      return
    }
    let bytes = try OpenFile.contents(path)
    guard path.hasSuffix(".tiktoken") || TiktokenFile.isOne(bytes) else {
      throw UserError(
        .data, "this SentencePiece file is not read by itself", at: path,
        hint: "load the model with transformers and save its tokenizer, which makes a tokenizer.json")
    }
    let type = try OpenFile.json(folder + "/config.json")["model_type"]?.text ?? ""
    try self.init(tiktoken: bytes, family: type, path: path)
  }

  /// - Parameter family: the `model_type` of config.json.
  package convenience init(tiktoken bytes: [UInt8], family name: String, path: String) throws {
    let known = TiktokenFamily.all.map(\.name).joined(separator: " and ")
    guard let family = TiktokenFamily.all.first(where: { $0.name == name }) else {
      throw UserError(
        .data, "the splits of tiktoken files of the family \"\(name)\" are not built in", at: path,
        hint: "those of \(known) are; others have them in a tokenizer.json")
    }
    let tokens = try TiktokenFile.tokens(bytes, path: path)
    let model = try BPE(ranked: tokens, FilePart(json: .null, path: path, place: ""))
    try self.init(json: family.json(tokens.count), path: path, model: model)
  }

  private static func tiktokenFiles(_ folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".tiktoken") }.sorted()
  }
}

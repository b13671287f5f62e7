// Which file of a model's folder its tokenizer is read from: tokenizer.json, or else an older one.
import Base
import Foundation

extension Tokenizer {
  /// - Parameter folder: a Hugging Face folder.
  package convenience init(folder: String) throws {
    let names = ["tokenizer.json"] + SentencePieceFile.names + Self.tiktokenFiles(folder)
    // Without any, the message is that tokenizer.json is missing.
    let name = names.first { FileManager.default.fileExists(atPath: folder + "/" + $0) } ?? names[0]
    let path = folder + "/" + name
    guard !path.hasSuffix("/tokenizer.json") else {
      try self.init(file: path)
      return
    }
    let bytes = try OpenFile.contents(path)
    guard path.hasSuffix(".tiktoken") || TiktokenFile.isOne(bytes) else {
      let settings = folder + "/tokenizer_config.json"
      try self.init(
        sentencePiece: bytes, family: try Self.family(folder),
        settings: FileManager.default.fileExists(atPath: settings) ? try OpenFile.json(settings) : .null,
        path: path)
      return
    }
    let type = try Self.family(folder)
    try self.init(tiktoken: bytes, family: type, path: path)
  }

  private static func family(_ folder: String) throws -> String {
    try OpenFile.json(folder + "/config.json")["model_type"]?.text ?? ""
  }

  /// - Parameters:
  ///   - family: the `model_type` of config.json.
  ///   - settings: tokenizer_config.json; null where there is none.
  package convenience init(
    sentencePiece bytes: [UInt8], family name: String, settings: JSON, path: String
  ) throws {
    let file = try SentencePieceFile(bytes, path: path)
    guard let family = SentencePieceFamily.all.first(where: { $0.names.contains(name) }) else {
      let known = SentencePieceFamily.all.flatMap(\.names).sorted().joined(separator: ", ")
      throw UserError(
        .data, "the special tokens of SentencePiece files of the family \"\(name)\" are not built in",
        at: path,
        hint: "those of \(known) are; load others with transformers and save their tokenizer.json")
    }
    try self.init(json: try family.json(file, settings), path: path)
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

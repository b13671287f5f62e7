// Which file of a model's folder its tokenizer is read from: tokenizer.json, or else an older one.
import Base
import Foundation

extension Tokenizer {
  /// The file that the tokenizer of a folder is read from.
  private static func file(of folder: String) -> String {
    let names = ["tokenizer.json"] + SentencePieceFile.names + tiktokenFiles(folder)
    // Without any, the message is that tokenizer.json is missing.
    return folder + "/"
      + (names.first { FileManager.default.fileExists(atPath: folder + "/" + $0) } ?? names[0])
  }

  /// All files that decide about the tokens of a folder's tokenizer.
  package static func files(of folder: String) -> [String] {
    let file = file(of: folder)
    if file.hasSuffix("/tokenizer.json") { return [file] }
    return [file]
      + ["config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
      .map { folder + "/" + $0 }.filter { FileManager.default.fileExists(atPath: $0) }
  }

  /// - Parameter folder: a Hugging Face folder.
  package convenience init(folder: String) throws {
    let path = Self.file(of: folder)
    guard !path.hasSuffix("/tokenizer.json") else {
      try self.init(file: path)
      return
    }
    let bytes = try OpenFile.contents(path)
    let config = try OpenFile.json(folder + "/config.json")
    let family = config["model_type"]?.text ?? ""
    guard path.hasSuffix(".tiktoken") || TiktokenFile.isOne(bytes) else {
      let settings = try SentencePieceSettings(folder: folder)
      let tokenizerClass = (settings.config.json["tokenizer_class"] ?? config["tokenizer_class"])?.text
      try self.init(
        sentencePiece: bytes, family: family, tokenizerClass: tokenizerClass, settings: settings, path: path)
      return
    }
    try self.init(tiktoken: bytes, family: family, path: path)
  }

  /// - Parameters:
  ///   - family: the `model_type` of config.json.
  ///   - tokenizerClass: transformers' class; nil where no file names it.
  convenience init(
    sentencePiece bytes: [UInt8], family name: String, tokenizerClass: String?,
    settings: SentencePieceSettings, path: String
  ) throws {
    let file = try SentencePieceFile(bytes, path: path)
    let family = try SentencePieceFamily.named(name, tokenizerClass: tokenizerClass, path: path)
    if family.kind != .any, (family.kind == .bpe) != (file.training.modelType == .bpe) {
      let (found, expected) = family.kind == .bpe ? ("a Unigram", "BPE") : ("a BPE", "Unigram")
      throw UserError(
        .data, "is \(found) model, and its tokenizer's class reads \(expected) models", at: path,
        hint: "load it with transformers and save its tokenizer.json")
    }
    let parts = try family.parts(file, settings)
    try self.init(json: parts.json, path: path, model: parts.model)
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

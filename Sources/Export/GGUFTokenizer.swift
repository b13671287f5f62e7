// A tokenizer.json as llama.cpp's tokenizers read it: tokens with types and scores or merges, special ids, and which
// splits come first.
import Base
import Foundation
import Models
import Templates
import Tokenizers

struct GGUFTokenizer {
  private let file: String
  private let json: JSON
  private let config: JSON
  private let tokenizer: Tokenizer
  private let description: ModelDescription

  /// llama.cpp's numbers of what a token is.
  private enum Kind: Int32 {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// - Throws: where the folder has no tokenizer.json, or one that llama.cpp has no form of.
  init(folder: String, _ description: ModelDescription) throws {
    file = folder + "/tokenizer.json"
    guard FileManager.default.fileExists(atPath: file) else {
      throw UserError(
        .usage, "has no tokenizer.json, from which GGUF's tokens are made", at: folder,
        hint: "load it with transformers and save its tokenizer")
    }
    json = try OpenFile.json(file)
    tokenizer = try Tokenizer(folder: folder)
    let settings = folder + "/tokenizer_config.json"
    config = FileManager.default.fileExists(atPath: settings) ? try OpenFile.json(settings) : .null
    self.description = description
    guard json["model"]?["type"]?.text ?? "BPE" == "BPE", json["model"]?["merges"] != nil else {
      throw refusal(
        "has a model of the kind \(json["model"]?["type"]?.text ?? "unknown"), and only BPE is exported")
    }
    guard tokenizer.vocabularySize <= description.family.vocabulary else {
      throw refusal(
        "has \(tokenizer.vocabularySize) ids, and the model knows \(description.family.vocabulary) only")
    }
  }

  private func refusal(_ what: String) -> UserError { UserError(.usage, what, at: file) }

  /// The metadata behind `tokenizer.`
  var metadata: [(key: String, value: GGUFValue)] {
    get throws {
      let isByteLevel = Self.parts(json["pre_tokenizer"], "pretokenizers").contains {
        $0["type"]?.text == "ByteLevel"
      }
      var keys: [(key: String, value: GGUFValue)] = [
        ("ggml.model", .text(isByteLevel ? "gpt2" : "llama")),
        ("ggml.pre", .text(isByteLevel ? try PreTokenizerName.find(json, at: file) : "default")),
      ]
      keys += tokens(isByteLevel: isByteLevel)
      if isByteLevel {
        keys.append(("ggml.merges", .texts(merges.map { Array("\($0.0) \($0.1)".utf8) })))
      } else {
        keys.append(("ggml.add_space_prefix", .bool(hasSpacePrefix)))
      }
      return keys + (try special()) + (try template())
    }
  }

  /// The pieces of a part that is one or a sequence.
  static func parts(_ json: JSON?, _ key: String) -> [JSON] {
    guard let json, !json.isNull else { return [] }
    return json["type"]?.text == "Sequence" ? json[key]?.elements ?? [] : [json]
  }

  private var merges: [(String, String)] {
    (json["model"]?["merges"]?.elements ?? []).compactMap { merge in
      if let pair = merge.elements, pair.count == 2, let first = pair[0].text, let second = pair[1].text {
        return (first, second)
      }
      let words = merge.text?.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false) ?? []
      return words.count == 2 ? (String(words[0]), String(words[1])) : nil
    }
  }

  /// Whether a text gets a space before it.
  private var hasSpacePrefix: Bool {
    Self.parts(json["normalizer"], "normalizers").contains { $0["type"]?.text == "Prepend" }
      || Self.parts(json["pre_tokenizer"], "pretokenizers").contains {
        $0["type"]?.text == "Metaspace" && $0["prepend_scheme"]?.text != "never"
      }
  }

  private func tokens(isByteLevel: Bool) -> [(key: String, value: GGUFValue)] {
    let count = description.family.vocabulary
    let added = Dictionary(
      (json["added_tokens"]?.elements ?? []).compactMap { token in
        token["id"]?.integer.map { ($0, token["special"]?.bool ?? false) }
      }, uniquingKeysWith: { $1 })
    let unknown = json["model"]?["unk_token"]?.text
    // A merge of a lower rank comes first: llama.cpp joins those pieces first whose score is higher.
    var ranks: [String: Int] = [:]
    if !isByteLevel {
      for (rank, merge) in merges.enumerated() where ranks[merge.0 + merge.1] == nil {
        ranks[merge.0 + merge.1] = rank + 1
      }
    }
    var (texts, kinds, scores): ([[UInt8]], [Int32], [Float]) = ([], [], [])
    for id in 0..<count {
      var kind = Kind.normal
      var text = tokenizer.piece(Int32(id)) ?? ""
      if tokenizer.piece(Int32(id)) == nil {
        (text, kind) = ("[PAD\(id)]", .unused)
      } else if !isByteLevel, text == unknown {
        kind = .unknown
      } else if let isSpecial = added[id] {
        kind = isSpecial ? .control : .userDefined
        if !isSpecial { text = text.replacing("▁", with: " ") }
      } else if !isByteLevel, Self.isByte(text) {
        kind = .byte
      }
      scores.append(0 - Float(ranks[text] ?? 0))
      texts.append(Array(text.utf8))
      kinds.append(kind.rawValue)
    }
    return [("ggml.tokens", .texts(texts))] + (isByteLevel ? [] : [("ggml.scores", .floats(scores))])
      + [("ggml.token_type", .integers(kinds))]
  }

  /// `<0x0A>`.
  private static func isByte(_ piece: String) -> Bool {
    piece.utf8.count == 6 && piece.hasPrefix("<0x") && piece.hasSuffix(">")
      && UInt8(piece.dropFirst(3).dropLast(), radix: 16) != nil
  }

  /// The ids of special tokens, and whether they stand around each text: as swiftdp puts them there.
  private func special() throws -> [(key: String, value: GGUFValue)] {
    var keys: [(key: String, value: GGUFValue)] = []
    var ids: [String: Int32] = [:]
    let names = [
      ("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("sep", "seperator"), ("pad", "padding"),
    ]
    for (name, key) in names {
      let given = config[name + "_token"]
      let text = given?.text ?? given?["content"]?.text
      let ofConfig = description.config[name + "_token_id"]
      let id =
        text.flatMap { tokenizer.id(of: $0) }
        ?? (ofConfig?.integer ?? ofConfig?.elements?.first?.integer).flatMap { Int32(exactly: $0) }
        ?? (name == "eos" ? description.endOfText.first : nil)
      guard let id, id >= 0, Int(id) < description.family.vocabulary else { continue }
      ids[name] = id
      keys.append(("ggml.\(key)_token_id", .unsigned(UInt32(id))))
    }
    let around = tokenizer.around
    for (place, name, tokens) in [("before", "bos", around.before), ("behind", "eos", around.after)] {
      guard tokens.isEmpty || tokens == [ids[name] ?? -1] else {
        throw refusal(
          "puts the tokens \(tokens.map(String.init).joined(separator: ", ")) \(place) each text, and llama.cpp only one, \(name)_token"
        )
      }
      keys.append(("ggml.add_\(name)_token", .bool(!tokens.isEmpty)))
    }
    return keys
  }

  private func template() throws -> [(key: String, value: GGUFValue)] {
    let folder = folder(of: file)
    let sources = try FolderTemplates(folder: folder).sources
    let main = sources.first { $0.name == ChatTemplate.standard } ?? sources.first
    return main.map { [("chat_template", .text($0.source))] } ?? []
  }
}

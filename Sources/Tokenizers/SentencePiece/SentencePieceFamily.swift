// What stands around a SentencePiece model in each family: ids of special tokens, how texts become normal, and what is put
// around them. SentencePiece's files do not say it; transformers has it in the tokenizer class of the family.
import Base

struct SentencePieceFamily: Sendable {
  /// As `tokenizer_class` of tokenizer_config.json, without `Fast` at the end.
  let classes: Set<String>
  /// As `model_type` of config.json, where no class is named.
  let names: Set<String>
  let kind: SentencePieceModelKind
  let parts: @Sendable (SentencePieceFile, SentencePieceSettings) throws -> SentencePieceParts

  static let all = [t5, xlmRoberta, debertaV2, llama, gemma, plain]

  /// Those whose files transformers reads as SentencePiece itself does, whatever class they name.
  private static let withoutClass: Set<String> = ["mistral", "phi3"]
  /// Classes that say nothing.
  private static let anyClass: Set<String> = ["PreTrainedTokenizer", "TokenizersBackend"]

  /// - Parameters:
  ///   - name: the `model_type` of config.json.
  ///   - tokenizerClass: of tokenizer_config.json or config.json; nil where neither has one.
  ///   - path: of the SentencePiece model, for messages.
  static func named(_ name: String, tokenizerClass: String?, path: String) throws -> SentencePieceFamily {
    var stem = tokenizerClass.map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
    if withoutClass.contains(name) || stem.map({ anyClass.contains($0) }) == true { stem = nil }
    let found = all.first { family in
      if let stem { family.classes.contains(stem) } else { family.names.contains(name) }
    }
    if let found { return found }
    let hint = "load it with transformers and save its tokenizer.json; those of "
    if let stem {
      let known = all.flatMap { $0.classes }.sorted().joined(separator: ", ")
      throw UserError(
        .data, "SentencePiece files of the tokenizer class \(stem) are not supported", at: path,
        hint: hint + known + " are built in")
    }
    let known = all.flatMap { $0.names }.sorted().joined(separator: ", ")
    throw UserError(
      .data, "SentencePiece files of the family \"\(name)\" are not supported", at: path,
      hint: hint + known + " are built in")
  }
}

enum SentencePieceModelKind { case unigram, bpe, any }

/// A tokenizer.json in two parts.
struct SentencePieceParts {
  let model: any TokenModel
  /// All but the model.
  let json: JSON

  init(
    _ model: any TokenModel, _ tokens: SentencePieceTokens, normalizer: JSON, preTokenizer: JSON,
    processor: JSON, decoder: JSON
  ) {
    self.model = model
    json = .object([
      "added_tokens": .array(tokens.tokens.map(\.json)), "normalizer": normalizer,
      "pre_tokenizer": preTokenizer, "post_processor": processor, "decoder": decoder,
    ])
  }
}

extension SentencePieceFile {
  /// Control and user-defined pieces, which are found in a text before anything else.
  func addedPieces(_ found: Set<SentencePieceModel.SentencePiece.TypeEnum>) -> [AddedToken] {
    pieces.indices.filter { found.contains(types[$0]) }.map { id in
      var token = AddedToken(-1, pieces[id], isSpecial: true)
      token.special = types[id] == .control
      return token
    }
  }

  /// The map of characters as a normalizer; null without one.
  var characterMap: JSON {
    let map = normalization.precompiledCharsmap
    guard !map.isEmpty else { return .null }
    return .object([
      "type": .string("Precompiled"), "precompiled_charsmap": .string(map.base64EncodedString()),
    ])
  }

  /// - Parameter pieces: in the order of their ids, and their scores.
  func unigram(
    _ pieces: [([UInt8], Float)], unknown: Int, fallsBack: Bool = false
  ) throws -> Unigram {
    guard pieces.indices.contains(unknown) else { throw error("the unknown piece \(unknown) is missing") }
    return Unigram(
      try Vocabulary(pieces: pieces.map(\.0), part), scores: pieces.map { Double($0.1) },
      unknown: Int32(unknown), fallsBack: fallsBack)
  }

  var scored: [([UInt8], Float)] { Array(zip(pieces, scores)) }
}

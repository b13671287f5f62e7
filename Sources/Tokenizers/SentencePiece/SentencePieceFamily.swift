// What stands around a SentencePiece model in each family: ids of special tokens, how texts become normal, and what is put
// around them. SentencePiece's files do not say it; transformers has it in the tokenizer class of the family.
import Base
import Foundation

struct SentencePieceFamily: Sendable {
  /// As `model_type` of config.json.
  let names: Set<String>
  /// All of a tokenizer.json.
  /// - Parameter settings: tokenizer_config.json; null where there is none.
  let json: @Sendable (SentencePieceFile, _ settings: JSON) throws -> JSON

  static let all = [t5, xlmRoberta, debertaV2, llama, gemma]

  private static let t5 = SentencePieceFamily(names: ["t5", "mt5"]) { file, settings in
    let extra = (0..<(settings["extra_ids"]?.integer ?? 100)).reversed().map { "<extra_id_\($0)>" }
    let pieces = file.scored + extra.map { ($0, 0) }
    return tokenizer(
      added: file.added + extra.enumerated().map { (file.pieces.count + $0.offset, $0.element, true) },
      normalizer: precompiled(file),
      preTokenizer: list("Sequence", "pretokenizers", [whitespace, metaspace("always")]),
      processor: template([nil, "</s>"], pair: [nil, "</s>", nil, "</s>"], pieces),
      decoder: metaspace("always"), model: unigram(pieces, unknown: file.unknown))
  }

  /// Ids are those of fairseq: four special tokens of its own, then the pieces without their own three.
  private static let xlmRoberta = SentencePieceFamily(names: ["xlm-roberta"]) { file, _ in
    let special = ["<s>", "<pad>", "</s>", "<unk>"]
    let pieces = special.map { ($0, 0) } + file.scored.dropFirst(3) + [("<mask>", 0)]
    return tokenizer(
      added: special.enumerated().map { ($0.offset, $0.element, true) } + [
        (pieces.count - 1, "<mask>", true)
      ],
      normalizer: precompiled(file),
      preTokenizer: list("Sequence", "pretokenizers", [whitespace, metaspace("always")]),
      processor: template(
        ["<s>", nil, "</s>"], pair: ["<s>", nil, "</s>", "</s>", nil, "</s>"], pieces),
      decoder: metaspace("always"), model: unigram(pieces, unknown: 3))
  }

  private static let debertaV2 = SentencePieceFamily(names: ["deberta-v2"]) { file, settings in
    let pieces = file.scored + [("[MASK]", 0)].filter { mask in !file.scored.contains { $0.0 == mask.0 } }
    guard settings["split_by_punct"]?.bool != true, settings["do_lower_case"]?.bool != true else {
      throw UserError(
        .data, "is split by punctuation or lowercased, which is not supported without tokenizer.json",
        at: file.path)
    }
    let spaces = object([
      "type": .string("Replace"), "pattern": object(["Regex": .string(#"\s{2,}|[\n\r\t]"#)]),
      "content": .string(" "),
    ])
    let strip = object(["type": .string("Strip"), "strip_left": .bool(false), "strip_right": .bool(true)])
    return tokenizer(
      added: file.added + [(pieces.count - 1, "[MASK]", true)],
      normalizer: list("Sequence", "normalizers", [spaces, object(["type": .string("NFC")]), strip]),
      preTokenizer: metaspace("always"),
      processor: template(
        ["[CLS]", nil, "[SEP]"], pair: ["[CLS]", nil, "[SEP]", nil, "[SEP]"], pieces, types: true),
      decoder: metaspace("always"), model: unigram(pieces, unknown: file.unknown))
  }

  private static let llama = SentencePieceFamily(names: ["llama", "mistral", "phi3"]) { file, settings in
    // Before, a space was put in front of every text behind an added token; since, in front of the first alone.
    let scheme = settings["add_prefix_space"]?.bool == false ? "never" : "first"
    let ends = settings["add_eos_token"]?.bool == true
    let begins = settings["add_bos_token"]?.bool ?? true
    let single = (begins ? ["<s>"] : []) + [nil] + (ends ? ["</s>"] : [])
    return tokenizer(
      added: file.added, normalizer: .null, preTokenizer: metaspace(scheme, splits: false),
      processor: template(single, pair: single + single, file.scored),
      decoder: decoders(stripsSpace: scheme != "never"), model: file.bpe)
  }

  private static let gemma = SentencePieceFamily(
    names: ["gemma", "gemma2", "gemma3_text", "gemma3"]
  ) { file, _ in
    let spaces = object([
      "type": .string("Replace"), "pattern": object(["String": .string(" ")]), "content": .string("▁"),
    ])
    let split = object([
      "type": .string("Split"), "pattern": object(["String": .string(" ")]),
      "behavior": .string("MergedWithPrevious"), "invert": .bool(false),
    ])
    return tokenizer(
      added: file.added, normalizer: spaces, preTokenizer: split,
      processor: template(["<bos>", nil], pair: ["<bos>", nil, "<bos>", nil], file.scored),
      decoder: decoders(stripsSpace: false), model: file.bpe)
  }
}

extension SentencePieceFile {
  fileprivate var scored: [(String, Double)] { pieces.map { ($0.piece, Double($0.score)) } }

  /// Pieces that are found in a text before anything else: id, text, and whether they are special.
  fileprivate var added: [(Int, String, Bool)] {
    pieces.enumerated().compactMap { id, piece in
      switch piece.type {
      case .unknown, .control: (id, piece.piece, true)
      case .userDefined: (id, piece.piece, false)
      case .normal, .unused, .byte: nil
      }
    }
  }

  fileprivate var unknown: Int {
    pieces.firstIndex { $0.type == .unknown } ?? Int(model.trainerSpec.unkID)
  }

  fileprivate var bpe: JSON {
    SentencePieceFamily.object([
      "type": .string("BPE"), "unk_token": .string(pieces[unknown].piece), "fuse_unk": .bool(true),
      "byte_fallback": .bool(model.trainerSpec.byteFallback),
      "vocab": .object(members: pieces.enumerated().map { ($0.element.piece, .integer($0.offset)) }),
      "merges": .array(merges.map { .array([.string(String($0.left)), .string(String($0.right))]) }),
    ])
  }
}

/// Parts of a tokenizer.json.
extension SentencePieceFamily {
  fileprivate static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { JSON.Member(key: Array($0.key.utf8), value: $0.value) })
  }

  fileprivate static func list(_ type: String, _ key: String, _ elements: [JSON]) -> JSON {
    .object(members: [("type", .string(type)), (key, .array(elements))])
  }

  private static func tokenizer(
    added: [(Int, String, Bool)], normalizer: JSON, preTokenizer: JSON, processor: JSON, decoder: JSON,
    model: JSON
  ) -> JSON {
    object([
      "version": .string("1.0"),
      "added_tokens": .array(
        added.map { id, text, isSpecial in
          object([
            "id": .integer(id), "content": .string(text), "normalized": .bool(false),
            "special": .bool(isSpecial),
          ])
        }),
      "normalizer": normalizer, "pre_tokenizer": preTokenizer, "post_processor": processor,
      "decoder": decoder, "model": model,
    ])
  }

  private static func precompiled(_ file: SentencePieceFile) -> JSON {
    let map = file.model.normalizerSpec.precompiledCharsmap
    return map.isEmpty
      ? .null
      : object([
        "type": .string("Precompiled"), "precompiled_charsmap": .string(map.base64EncodedString()),
      ])
  }

  private static let whitespace = object(["type": .string("WhitespaceSplit")])

  private static func metaspace(_ scheme: String, splits: Bool = true) -> JSON {
    object([
      "type": .string("Metaspace"), "replacement": .string("▁"), "prepend_scheme": .string(scheme),
      "split": .bool(splits),
    ])
  }

  private static func unigram(_ pieces: [(String, Double)], unknown: Int) -> JSON {
    object([
      "type": .string("Unigram"), "unk_id": .integer(unknown), "byte_fallback": .bool(false),
      "vocab": .array(pieces.map { .array([.string($0.0), .number($0.1)]) }),
    ])
  }

  private static func decoders(stripsSpace: Bool) -> JSON {
    let spaces = object([
      "type": .string("Replace"), "pattern": object(["String": .string("▁")]), "content": .string(" "),
    ])
    let strip = object([
      "type": .string("Strip"), "content": .string(" "), "start": .integer(1), "stop": .integer(0),
    ])
    return list(
      "Sequence", "decoders",
      [spaces, object(["type": .string("ByteFallback")]), object(["type": .string("Fuse")])]
        + (stripsSpace ? [strip] : []))
  }

  /// - Parameters:
  ///   - single: the tokens around a text; nil for the text.
  ///   - types: whether the second text has a type of its own.
  private static func template(
    _ single: [String?], pair: [String?], _ pieces: [(String, Double)], types: Bool = false
  ) -> JSON {
    func parts(_ tokens: [String?]) -> JSON {
      var texts = 0
      return .array(
        tokens.map { token in
          if token == nil { texts += 1 }
          let type = JSON.integer(types && texts == 2 ? 1 : 0)
          return token.map { object(["SpecialToken": object(["id": .string($0), "type_id": type])]) }
            ?? object(["Sequence": object(["id": .string(texts == 1 ? "A" : "B"), "type_id": type])])
        })
    }
    let used = Set((single + pair).compactMap { $0 }).sorted()
    let special = used.map { token -> (String, JSON) in
      let id = pieces.firstIndex { $0.0 == token } ?? -1
      return (
        token,
        object([
          "id": .string(token), "ids": .array([.integer(id)]), "tokens": .array([.string(token)]),
        ])
      )
    }
    return object([
      "type": .string("TemplateProcessing"), "single": parts(single), "pair": parts(pair),
      "special_tokens": .object(members: special),
    ])
  }
}

// Families whose SentencePiece models are Unigram models.
import Base

extension SentencePieceFamily {
  private typealias Steps = TokenizerJSON

  /// Far above any real file, whose number of sentinels is 100.
  private static let mostSentinels = 1 << 16

  /// `</s>` stands behind a text, and the sentinels `<extra_id_0>` and so on have the last ids, backwards.
  static let t5 = SentencePieceFamily(
    classes: ["T5Tokenizer", "MT5Tokenizer"], names: ["t5", "mt5"], kind: .unigram
  ) { file, settings in
    let count = try settings.config.part("extra_ids")?.count() ?? 100
    guard count <= mostSentinels else {
      throw settings.config.error("extra_ids is \(count), and at most \(mostSentinels) are made")
    }
    guard file.pieces.count > 2 else {
      throw file.error("has \(file.pieces.count) pieces, and the third is what T5 has for unknown characters")
    }
    let sentinels = (0..<count).map { Array("<extra_id_\($0)>".utf8) }
    let model = try file.unigram(file.scored + sentinels.reversed().map { ($0, 0) }, unknown: 2)
    let tokens = try SentencePieceTokens(
      settings, model.vocabulary,
      defaults: ["eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"],
      extra: file.addedPieces([.control, .userDefined])
        + sentinels.map { AddedToken(-1, $0, isSpecial: true) })
    let end = Steps.Place.token(try tokens.required("eos_token", file), type: 0)
    let text = Steps.Place.text(type: 0)
    return SentencePieceParts(
      model, tokens, normalizer: file.characterMap,
      preTokenizer: Steps.preTokenizers([Steps.plain("WhitespaceSplit"), Steps.metaspace(.always)]),
      processor: Steps.template([text, end], pair: [text, end, text, end]),
      decoder: Steps.metaspace(.always))
  }

  /// Ids are those of fairseq: four special tokens of its own, then the pieces without their first three.
  static let xlmRoberta = SentencePieceFamily(
    classes: ["XLMRobertaTokenizer"], names: ["xlm-roberta"], kind: .unigram
  ) { file, settings in
    let defaults = [
      "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
      "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
    ]
    func own(_ key: String) throws -> ([UInt8], Float) {
      (try settings.token(key, default: defaults[key])?.content ?? [], 0)
    }
    let special = try ["bos_token", "pad_token", "eos_token", "unk_token"].map { try own($0) }
    let model = try file.unigram(
      special + file.scored.dropFirst(3) + [try own("mask_token")], unknown: 3)
    let tokens = try SentencePieceTokens(
      settings, model.vocabulary, defaults: defaults,
      extra: file.addedPieces([.control, .userDefined]))
    let begin = Steps.Place.token(try tokens.required("bos_token", file), type: 0)
    let end = Steps.Place.token(try tokens.required("eos_token", file), type: 0)
    let text = Steps.Place.text(type: 0)
    let scheme: MetaspaceSettings.Prepend =
      try settings.config.bool("add_prefix_space", default: true) ? .always : .never
    return SentencePieceParts(
      model, tokens, normalizer: file.characterMap,
      preTokenizer: Steps.preTokenizers([Steps.plain("WhitespaceSplit"), Steps.metaspace(scheme)]),
      processor: Steps.template([begin, text, end], pair: [begin, text, end, end, text, end]),
      decoder: Steps.metaspace(scheme))
  }

  /// The map of characters of the file is not applied, as in transformers.
  static let debertaV2 = SentencePieceFamily(
    classes: ["DebertaV2Tokenizer"], names: ["deberta-v2"], kind: .unigram
  ) { file, settings in
    let defaults = [
      "bos_token": "[CLS]", "eos_token": "[SEP]", "sep_token": "[SEP]", "cls_token": "[CLS]",
      "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]",
    ]
    let name = try settings.token("unk_token", default: "[UNK]")?.content
    let unknown = file.pieces.indices.first { file.pieces[$0] == name && file.scores[$0] == 0 }
    let model = try file.unigram(file.scored, unknown: unknown ?? Int(file.training.unkID))
    let tokens = try SentencePieceTokens(
      settings, model.vocabulary, defaults: defaults,
      extra: file.addedPieces([.control, .userDefined]))
    let config = settings.config
    let lowers = try config.bool("do_lower_case", default: false) ? [Steps.plain("Lowercase")] : []
    let splits =
      try config.bool("split_by_punct", default: false)
      ? [JSON.object(["type": .string("Punctuation"), "behavior": .string("Isolated")])] : []
    let scheme: MetaspaceSettings.Prepend =
      try config.bool("add_prefix_space", default: true) ? .always : .first
    let strip = JSON.object([
      "type": .string("Strip"), "strip_left": .bool(false), "strip_right": .bool(true),
    ])
    func around(_ key: String, _ type: Int) throws -> Steps.Place {
      .token(try tokens.required(key, file), type: type)
    }
    let single = [try around("cls_token", 0), .text(type: 0), try around("sep_token", 0)]
    return SentencePieceParts(
      model, tokens,
      normalizer: Steps.normalizers(
        lowers + [
          Steps.replace(Steps.pattern(regex: #"\s{2,}|[\n\r\t]"#), by: " "), Steps.plain("NFC"), strip,
        ]),
      preTokenizer: Steps.preTokenizers(splits + [Steps.metaspace(scheme)]),
      processor: Steps.template(single, pair: single + [.text(type: 1), try around("sep_token", 1)]),
      decoder: Steps.metaspace(scheme))
  }
}

extension SentencePieceTokens {
  /// A token that stands around texts.
  func required(_ key: String, _ file: SentencePieceFile) throws -> AddedToken {
    guard let token = named(key) else { throw file.error("the tokenizer has no \(key)") }
    return token
  }
}

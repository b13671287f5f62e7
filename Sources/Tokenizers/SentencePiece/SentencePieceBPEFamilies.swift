// Families whose SentencePiece models are BPE models, and those that are read as SentencePiece itself reads them.
import Base

extension SentencePieceFamily {
  private typealias Steps = TokenizerJSON

  /// The class of Llama 1 and 2. Of two pieces that may merge, the one with the lower id comes first.
  static let llama = SentencePieceFamily(
    classes: ["LlamaTokenizer"], names: [], kind: .bpe
  ) { file, settings in
    let vocabulary = try Vocabulary(pieces: file.pieces, file.part)
    let model = try BPE(
      vocabulary, merges: try file.mergesByID(), unknown: nil, fusesUnknown: true, fallsBack: true,
      ignoresMerges: false, file.part)
    let tokens = try SentencePieceTokens(
      settings, vocabulary, defaults: ["bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"],
      extra: file.addedPieces([.control, .userDefined]))
    let scheme: MetaspaceSettings.Prepend =
      try settings.config.bool("add_prefix_space", default: true)
      ? try settings.isLegacy(default: false) ? .always : .first : .never
    return SentencePieceParts(
      model, tokens, normalizer: .null, preTokenizer: Steps.metaspace(scheme, splits: false),
      processor: try ends(settings, tokens), decoder: decoder(fallsBack: true, stripsSpace: scheme != .never))
  }

  static let gemma = SentencePieceFamily(
    classes: ["GemmaTokenizer"], names: ["gemma", "gemma2", "gemma3_text", "gemma3"], kind: .bpe
  ) { file, settings in
    let vocabulary = try Vocabulary(pieces: file.pieces, file.part)
    let defaults = [
      "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>",
      "mask_token": "<mask>",
    ]
    let model = try BPE(
      vocabulary, merges: try file.mergesByID(),
      unknown: try settings.token("unk_token", default: "<unk>")?.content, fusesUnknown: true,
      fallsBack: true, ignoresMerges: false, file.part)
    let tokens = try SentencePieceTokens(
      settings, vocabulary, defaults: defaults, extra: file.addedPieces([.control, .userDefined]))
    return SentencePieceParts(
      model, tokens, normalizer: Steps.replace(Steps.pattern(text: " "), by: "▁"),
      preTokenizer: Steps.split(Steps.pattern(text: " "), .mergedWithPrevious),
      processor: try ends(settings, tokens), decoder: decoder(fallsBack: true, stripsSpace: false))
  }

  /// All that the file says counts, so that ids are those of SentencePiece itself. User-defined pieces are cut out of
  /// the text before the others are looked for.
  static let plain = SentencePieceFamily(
    classes: [], names: ["llama", "mistral", "phi3"], kind: .any
  ) { file, settings in
    let (training, normalization) = (file.training, file.normalization)
    let isBPE = training.modelType == .bpe
    let pieces = isBPE ? file.renamed(by: settings) : file.pieces
    let cut = file.userDefinedPattern(pieces)
    let vocabulary = try Vocabulary(pieces: pieces, file.part)
    let model: any TokenModel =
      isBPE
      ? try BPE(
        vocabulary, merges: try file.mergesByScore(pieces), unknown: Array(training.unkPiece.utf8),
        fusesUnknown: true, fallsBack: training.byteFallback, ignoresMerges: cut != nil, file.part)
      : try file.unigram(
        file.scored, unknown: Int(training.unkID), fallsBack: training.byteFallback)
    var defaults = ["unk_token": training.unkPiece]
    if training.bosID >= 0 { defaults["bos_token"] = training.bosPiece }
    if training.eosID >= 0 { defaults["eos_token"] = training.eosPiece }
    let prefixed = normalization.addDummyPrefix
    let tokens = try SentencePieceTokens(
      prefixed ? settings.lookingForTokensInRawText() : settings, vocabulary, defaults: defaults,
      extra: file.addedPieces([.control]))
    let legacy = try settings.isLegacy(default: true)
    var before: [JSON] = prefixed ? [Steps.metaspace(legacy ? .always : .first, splits: false)] : []
    if let cut { before.append(Steps.split(Steps.pattern(regex: cut), .isolated)) }
    return SentencePieceParts(
      model, tokens, normalizer: Steps.normalizers(file.normalizers(legacy: legacy)),
      preTokenizer: before.isEmpty ? .null : Steps.preTokenizers(before),
      processor: try ends(settings, tokens),
      decoder: decoder(fallsBack: training.byteFallback, stripsSpace: prefixed))
  }

  /// The tokens around a text: the first one unless the settings say no, the last one if they say so.
  private static func ends(
    _ settings: SentencePieceSettings, _ tokens: SentencePieceTokens
  ) throws -> JSON {
    let begin = try settings.config.bool("add_bos_token", default: true) ? tokens.named("bos_token") : nil
    let end = try settings.config.bool("add_eos_token", default: false) ? tokens.named("eos_token") : nil
    func around(_ type: Int) -> [Steps.Place] {
      (begin.map { [.token($0, type: type)] } ?? []) + [.text(type: type)]
        + (end.map { [.token($0, type: type)] } ?? [])
    }
    return Steps.template(around(0), pair: around(0) + around(1))
  }

  private static func decoder(fallsBack: Bool, stripsSpace: Bool) -> JSON {
    let strip = JSON.object([
      "type": .string("Strip"), "content": .string(" "), "start": .integer(1), "stop": .integer(0),
    ])
    return Steps.decoders(
      [Steps.replace(Steps.pattern(text: "▁"), by: " ")]
        + (fallsBack ? [Steps.plain("ByteFallback")] : [])
        + (fallsBack || stripsSpace ? [Steps.plain("Fuse")] : []) + (stripsSpace ? [strip] : []))
  }
}

extension SentencePieceFile {
  /// How SentencePiece makes a text normal, in its order.
  /// - Parameter legacy: whether each part between added tokens gets a space in front.
  fileprivate func normalizers(legacy: Bool) -> [JSON] {
    typealias Steps = TokenizerJSON
    var steps: [JSON] = characterMap.isNull ? [] : [characterMap]
    if normalization.removeExtraWhitespaces {
      steps.append(Steps.replace(Steps.pattern(regex: EndSpaces.pattern), by: ""))
      steps.append(Steps.replace(Steps.pattern(regex: " {2,}"), by: " "))
    }
    if normalization.escapeWhitespaces { steps.append(Steps.replace(Steps.pattern(text: " "), by: "▁")) }
    // Metaspace puts no space in front of one, and SentencePiece does.
    if normalization.addDummyPrefix, legacy {
      steps.append(Steps.replace(Steps.pattern(regex: Beginning.anchor + "▁"), by: "▁▁"))
    }
    return steps
  }

  /// A regular expression that finds the user-defined pieces, the longest first; nil if there are none.
  fileprivate func userDefinedPattern(_ pieces: [[UInt8]]) -> String? {
    let texts = pieces.indices.filter { types[$0] == .userDefined }.map {
      String(decoding: pieces[$0], as: UTF8.self)
    }
    guard !texts.isEmpty else { return nil }
    return LiteralPattern.text(
      of: texts.enumerated().sorted {
        let (left, right) = ($0.element.unicodeScalars.count, $1.element.unicodeScalars.count)
        return left == right ? $0.offset < $1.offset : left > right
      }.map(\.element))
  }

  /// The pieces with the names that the settings give their ids. A name that another piece keeps is not taken.
  fileprivate func renamed(by settings: SentencePieceSettings) -> [[UInt8]] {
    var pieces = pieces
    let renamed = settings.listed.filter { pieces.indices.contains(Int($0.id)) }
    guard !renamed.isEmpty else { return pieces }
    let ids = Set(renamed.map(\.id))
    let kept = Set(pieces.indices.filter { !ids.contains(Int32($0)) }.map { pieces[$0] })
    for token in renamed where !kept.contains(token.content) { pieces[Int(token.id)] = token.content }
    return pieces
  }
}

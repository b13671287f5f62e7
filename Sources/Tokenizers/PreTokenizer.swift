// How a text is cut into words; the model never looks across their borders. These are the pre-tokenizers that
// tokenizer.json may name.

/// Cuts words into smaller ones, or rewrites them.
protocol PreTokenizer: Sendable, TextStep {
  func apply(to words: inout Words)
}

/// One part of a text on its way through the pre-tokenizers.
struct Words {
  struct Word {
    var start: Int
    var end: Int
  }

  /// How many zero bytes follow the text, so that a word may be read in wide loads.
  static let padding = 32

  /// The text in valid UTF-8 and its padding.
  private(set) var bytes: [UInt8] = []
  /// The words in order, without overlaps and never empty.
  private(set) var words: [Word] = []
  /// Whether this is the beginning of the whole text.
  private(set) var isStart = false
  /// For each byte, where the character of the original begins that it comes from; empty unless the text is traced.
  private(set) var origins: [UInt32] = []
  private var isTraced = false
  private var spareBytes: [UInt8] = []
  private var spareOrigins: [UInt32] = []
  private var spareWords: [Word] = []

  /// One word that is the whole text.
  ///
  /// - Parameter origins: of the text's bytes; nil if they are not asked for.
  mutating func load(_ text: UnsafeBufferPointer<UInt8>, origins new: ArraySlice<UInt32>?, isStart: Bool) {
    origins.removeAll(keepingCapacity: true)
    if let new { origins.append(contentsOf: new) }
    isTraced = new != nil
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: text)
    for _ in 0..<Self.padding { bytes.append(0) }
    words.removeAll(keepingCapacity: true)
    if !text.isEmpty { words.append(Word(start: 0, end: text.count)) }
    self.isStart = isStart
  }

  /// Replaces each word by those that `body` appends; empty ones are left out.
  mutating func splitEach(_ body: (_ text: UnsafePointer<UInt8>, _ word: Word, _ out: inout [Word]) -> Void) {
    spareWords.removeAll(keepingCapacity: true)
    bytes.withUnsafeBufferPointer { text in
      // Never empty, because of the padding.
      guard let base = text.baseAddress else { return }
      for word in words { body(base, word, &spareWords) }
    }
    swap(&words, &spareWords)
  }

  /// Replaces the text of each word by what `body` appends, as one word.
  mutating func rewriteEach(
    _ body: (
      _ text: UnsafePointer<UInt8>, _ word: Word, _ isFirst: Bool, _ out: inout TracedText.Output
    ) -> Void
  ) {
    rewriteIntoWords { text, word, isFirst, out, words in
      let start = out.bytes.count
      body(text, word, isFirst, &out)
      if out.bytes.count > start { words.append(Word(start: start, end: out.bytes.count)) }
    }
  }

  /// Replaces the text of each word by what `body` appends, as the words that it appends.
  @inline(__always)
  mutating func rewriteIntoWords(
    _ body: (
      _ text: UnsafePointer<UInt8>, _ word: Word, _ isFirst: Bool, _ out: inout TracedText.Output,
      _ words: inout [Word]
    ) -> Void
  ) {
    let (old, isStart) = (words, isStart)
    var new: [Word] = []
    swap(&new, &spareWords)
    new.removeAll(keepingCapacity: true)
    TracedText.rewrite(&bytes, &origins, &spareBytes, &spareOrigins, isTraced) { text, out in
      // Never empty, because of the padding.
      guard let base = text.baseAddress else { return }
      for word in old {
        body(base, word, isStart && word.start == 0, &out, &new)
      }
      out.pad(Self.padding)
    }
    spareWords = old
    words = new
  }

  /// How many bytes of memory this value holds on to.
  var footprint: Int {
    bytes.capacity + spareBytes.capacity + (origins.capacity + spareOrigins.capacity) * 4
      + (words.capacity + spareWords.capacity) * 16
  }
}

enum PreTokenizers {
  /// The pre-tokenizers of the file in order, with nested sequences flattened.
  ///
  /// - Returns: the steps, and whether the model reads the bytes that byte-level characters stand for: a ByteLevel at
  ///   the end, which nearly all files have, then needs no rewriting.
  /// - Parameter spacesWords: puts a space in front of texts that are split as GPT-2 does, even if the file does not.
  static func read(
    _ part: FilePart?, spacesWords: Bool = false
  ) throws -> (steps: [any PreTokenizer], endsInBytes: Bool) {
    var steps = try readSteps(part, spacesWords)
    let endsInBytes = steps.last is ByteLevelCharacters
    if endsInBytes { steps.removeLast() }
    return (steps, endsInBytes)
  }

  private static func readSteps(_ part: FilePart?, _ spacesWords: Bool) throws -> [any PreTokenizer] {
    guard let part else { return [] }
    let type = try part.type()
    switch type {
    case "Sequence":
      return try part.required("pretokenizers").elements().flatMap { try readSteps($0, spacesWords) }
    case "ByteLevel":
      var steps: [any PreTokenizer] = []
      let splits = try part.bool("use_regex", default: true)
      if try part.bool("add_prefix_space", default: true) || (splits && spacesWords) {
        steps.append(PrefixSpace())
      }
      if splits { steps.append(GPT2Words()) }
      return steps + [ByteLevelCharacters()]
    case "Split": return [try splitter(part)]
    case "Metaspace": return [Metaspace(try MetaspaceSettings(part))]
    case "Digits":
      let individual = try part.bool("individual_digits", default: false)
      return [
        ClassSplit(CharacterClasses.numeric, behavior: individual ? .isolated : .contiguous)
      ]
    case "Punctuation":
      return [ClassSplit(CharacterClasses.punctuation, behavior: try SplitBehavior(part, default: .isolated))]
    case "BertPreTokenizer": return [BertWords()]
    case "Whitespace": return [WordsAndSymbols()]
    case "WhitespaceSplit": return [WordsBetweenSpace()]
    default: throw part.unsupported("pre-tokenizer", type)
    }
  }

  /// Split: a literal text, or a regular expression that is built in.
  private static func splitter(_ part: FilePart) throws -> any PreTokenizer {
    let behavior = try SplitBehavior(part, default: nil)
    let inverted = try part.bool("invert", default: false)
    if let text = try part.literalPattern() {
      return try LiteralSplit([text], behavior: behavior, inverted: inverted, part)
    }
    let pattern = try part.required("pattern").required("Regex").text()
    if let texts = LiteralPattern.alternatives(pattern) {
      return try LiteralSplit(texts, behavior: behavior, inverted: inverted, part)
    }
    guard let splitter = RegexSplits.splitter(pattern, behavior, inverted: inverted) else {
      let how = behavior == .isolated && !inverted ? "" : " and \(behavior.rawValue)"
      throw part.unsupported("pre-tokenizer", "Split with the regular expression \(pattern)\(how)")
    }
    return splitter
  }
}

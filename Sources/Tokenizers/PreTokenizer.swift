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
  private var spareBytes: [UInt8] = []
  private var spareWords: [Word] = []

  /// One word that is the whole text.
  mutating func load(_ text: UnsafeBufferPointer<UInt8>, isStart: Bool) {
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

  /// Replaces the text of each word by the bytes that `body` appends.
  mutating func rewriteEach(
    _ body: (_ word: UnsafeBufferPointer<UInt8>, _ isFirst: Bool, _ out: inout [UInt8]) -> Void
  ) {
    spareBytes.removeAll(keepingCapacity: true)
    spareWords.removeAll(keepingCapacity: true)
    bytes.withUnsafeBufferPointer { text in
      for word in words {
        let start = spareBytes.count
        body(
          UnsafeBufferPointer(rebasing: text[word.start..<word.end]), isStart && word.start == 0, &spareBytes)
        if spareBytes.count > start { spareWords.append(Word(start: start, end: spareBytes.count)) }
      }
    }
    for _ in 0..<Self.padding { spareBytes.append(0) }
    swap(&bytes, &spareBytes)
    swap(&words, &spareWords)
  }

  /// How many bytes of memory this value holds on to.
  var footprint: Int { bytes.capacity + spareBytes.capacity + (words.capacity + spareWords.capacity) * 16 }
}

enum PreTokenizers {
  /// The pre-tokenizers of the file in order, with nested sequences flattened.
  ///
  /// - Returns: the steps, and whether the model reads the bytes that byte-level characters stand for: a ByteLevel at
  ///   the end, which nearly all files have, then needs no rewriting.
  static func read(_ part: FilePart?) throws -> (steps: [any PreTokenizer], endsInBytes: Bool) {
    var steps = try readSteps(part)
    let endsInBytes = steps.last is ByteLevelCharacters
    if endsInBytes { steps.removeLast() }
    return (steps, endsInBytes)
  }

  private static func readSteps(_ part: FilePart?) throws -> [any PreTokenizer] {
    guard let part else { return [] }
    let type = try part.type()
    switch type {
    case "Sequence":
      return try part.required("pretokenizers").elements().flatMap { try readSteps($0) }
    case "ByteLevel":
      var steps: [any PreTokenizer] = []
      if try part.bool("add_prefix_space", default: true) { steps.append(PrefixSpace()) }
      if try part.bool("use_regex", default: true) { steps.append(GPT2Words()) }
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
    case "WhitespaceSplit": return [ClassSplit(CharacterClasses.whitespace, behavior: .removed)]
    default: throw part.unsupported("pre-tokenizer", type)
    }
  }

  /// Split: a literal text, or a regular expression that is built in.
  private static func splitter(_ part: FilePart) throws -> any PreTokenizer {
    let behavior = try SplitBehavior(part, default: nil)
    let inverted = try part.bool("invert", default: false)
    if let text = try part.literalPattern() {
      guard !text.isEmpty else { throw part.error("an empty pattern splits nothing") }
      return LiteralSplit(pattern: text, behavior: behavior, inverted: inverted)
    }
    let pattern = try part.required("pattern").required("Regex").text()
    // These patterns match every part of any text, so that nothing is left between the matches.
    guard behavior == .isolated || (behavior == .removed && inverted) else {
      throw part.unsupported("pre-tokenizer", "Split with a regular expression and \(behavior.rawValue)")
    }
    switch pattern {
    case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
      #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#:
      return GPT2Words()
    case contractions + numbered("{1,3}"): return Llama3Words(longestNumber: 3, foldsLongS: true)
    case contractions + numbered(""): return Llama3Words(longestNumber: 1, foldsLongS: true)
    case asciiContractions + numbered("{1,3}"): return Llama3Words(longestNumber: 3, foldsLongS: false)
    case asciiContractions + numbered(""): return Llama3Words(longestNumber: 1, foldsLongS: false)
    default: throw part.unsupported("pre-tokenizer", "Split with the regular expression \(pattern)")
    }
  }

  private static let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
  private static let asciiContractions = #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"#
  private static func numbered(_ count: String) -> String {
    #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}\#(count)| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }
}

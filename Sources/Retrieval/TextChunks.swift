// A long text as chunks of so many tokens that end where sentences do.
import Base
import Tokenizers

package struct ChunkForm: Equatable, Sendable {
  /// The most tokens of a chunk, without special tokens.
  package let tokens: Int
  /// How many tokens at most the beginning of a chunk shares with the end of the one before.
  package let overlap: Int

  package init(tokens: Int, overlap: Int) {
    self.tokens = max(tokens, 1)
    self.overlap = min(max(overlap, 0), self.tokens / 2)
  }

  /// The bytes of each chunk of a text, without white space around it; a chunk at least.
  ///
  /// A chunk ends at the last end of a sentence in its second half, otherwise at the last end of a word there, otherwise
  /// where it is full. The next one begins with the first sentence of the last `overlap` tokens, or with the first word of
  /// them where a sentence goes on, or else behind the last token.
  /// - Parameter placed: the tokens of the text.
  package func chunks(of text: [UInt8], _ placed: PlacedTokens) -> [Range<Int>] {
    let places = placed.places
    guard places.count > tokens else { return [Self.trimmed(text, 0..<text.count)] }
    let borders = places.map { Self.border(before: $0.lowerBound, in: text) }
    var chunks: [Range<Int>] = []
    var (start, last) = (0, 0)
    while places.count - start > tokens {
      let full = start + tokens
      // Each chunk goes on behind the one before.
      let second = max(start + max(1, tokens / 2), last + 1)...full
      let end =
        second.last { borders[$0] == .sentence } ?? second.last { borders[$0] == .word } ?? full
      add(start..<end, of: text, places, to: &chunks)
      last = end
      let shared = max(start + 1, end - overlap)..<end
      start =
        shared.first { borders[$0] == .sentence }
        ?? (borders[end] == .sentence ? end : shared.first { borders[$0] == .word }) ?? end
    }
    add(start..<places.count, of: text, places, to: &chunks)
    return chunks
  }

  private func add(
    _ tokens: Range<Int>, of text: [UInt8], _ places: [Range<Int>], to chunks: inout [Range<Int>]
  ) {
    let lower = chunks.isEmpty ? 0 : places[tokens.lowerBound].lowerBound
    let upper = tokens.upperBound == places.count ? text.count : places[tokens.upperBound].lowerBound
    let range = Self.trimmed(text, lower..<max(lower, upper))
    if !range.isEmpty { chunks.append(range) }
  }

  private enum Border { case sentence, word, none }

  /// What begins at a place.
  private static func border(before place: Int, in text: [UInt8]) -> Border {
    // A token may begin with the space before its word.
    var first = place
    while first < text.count, isSpace(text[first]) { first += 1 }
    var end = first
    var lines = 0
    while end > 0, isSpace(text[end - 1]) {
      if text[end - 1] == 0x0A { lines += 1 }
      end -= 1
    }
    if end == 0 || lines > 1 { return .sentence }
    let hasSpace = end < first
    var last = end
    while last > 0, closers.contains(text[last - 1]) { last -= 1 }
    if hasSpace, last > 0, [UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?")].contains(text[last - 1])
    {
      return .sentence
    }
    // Marks of three bytes, of which those of Chinese and Japanese have no space behind them.
    if end >= 3, wideEnds.contains(Array(text[end - 3..<end])) { return .sentence }
    return hasSpace ? .word : .none
  }

  private static let closers = Array("\"')]}".utf8)
  private static let wideEnds = Set(["。", "！", "？", "…"].map { Array($0.utf8) })

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private static func trimmed(_ text: [UInt8], _ range: Range<Int>) -> Range<Int> {
    var (lower, upper) = (range.lowerBound, range.upperBound)
    while lower < upper, isSpace(text[lower]) { lower += 1 }
    while upper > lower, isSpace(text[upper - 1]) { upper -= 1 }
    return lower..<upper
  }
}

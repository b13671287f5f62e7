// Splits at runs of characters of one class, such as \p{N}{1,3}, \s?\p{L}+ or [一-龥]+; files have several of them, one
// after another.

struct RunSplit: PreTokenizer {
  /// Which characters a run is made of, as bits of `CharacterClasses.letters`; 0 if `ranges` say it.
  private let kinds: UInt8
  /// Ordered, without overlaps.
  private let ranges: [ClosedRange<UInt32>]
  /// Which characters of ASCII a run is made of.
  private var ascii: [Bool] = []
  /// The most characters of a run, and the fewest.
  private let longest: Int
  private let shortest: Int
  /// Whether one character of white space before a run belongs to it.
  private let takesSpace: Bool
  private let behavior: SplitBehavior
  private let inverted: Bool

  /// nil if the pattern is not an optional `\s?`, one class, and an optional count.
  init?(pattern: String, behavior: SplitBehavior, inverted: Bool) {
    self.behavior = behavior
    self.inverted = inverted
    if pattern == "[0-9][0-9][0-9]" {
      (kinds, ranges, longest, shortest, takesSpace) = (0, [0x30...0x39], 3, 3, false)
      ascii = (0..<128).map { (0x30...0x39).contains($0) }
      return
    }
    // Characters would join the marks of a class to the sign before them.
    var rest = Array(pattern.unicodeScalars)[...]
    func take(_ prefix: String) -> Bool {
      guard rest.starts(with: prefix.unicodeScalars) else { return false }
      rest = rest.dropFirst(prefix.unicodeScalars.count)
      return true
    }
    takesSpace = take(#"\s?"#)
    let names: [(String, UInt8)] = [
      (#"\p{L}"#, CharacterClasses.letter), (#"\p{N}"#, CharacterClasses.number),
      (#"\p{P}"#, CharacterClasses.Letters.punctuation), (#"\p{S}"#, CharacterClasses.Letters.symbol),
    ]
    let kinds = names.first { take($0.0) }?.1 ?? 0
    guard let ranges = kinds != 0 ? [] : Self.ranges(&rest) else { return nil }
    self.kinds = kinds
    self.ranges = ranges
    ascii = (0..<128).map { point in
      CharacterClasses.letters(point) & kinds != 0 || ranges.contains { $0.contains(point) }
    }
    shortest = 1
    switch String(String.UnicodeScalarView(rest)) {
    case "": longest = 1
    case "+": longest = .max
    case "{1,2}": longest = 2
    case "{1,3}": longest = 3
    default: return nil
    }
  }

  /// Reads `[…]` with single characters, ranges, and `\r`, `\n`, `\t`.
  private static func ranges(_ scalars: inout ArraySlice<Unicode.Scalar>) -> [ClosedRange<UInt32>]? {
    guard scalars.popFirst() == "[", scalars.first != "^" else { return nil }
    var ranges: [ClosedRange<UInt32>] = []
    /// One character; nil where the class ends or something else stands.
    func character() -> UInt32? {
      guard let scalar = scalars.popFirst(), scalar != "[", scalar != "]", scalar != "&" else { return nil }
      guard scalar == "\\" else { return scalar.value }
      switch scalars.popFirst() {
      case "r": return 0x0D
      case "n": return 0x0A
      case "t": return 0x09
      default: return nil
      }
    }
    while let next = scalars.first, next != "]" {
      guard let first = character() else { return nil }
      var last = first
      if scalars.first == "-" {
        scalars.removeFirst()
        guard let end = character(), end >= first else { return nil }
        last = end
      }
      ranges.append(first...last)
    }
    guard scalars.popFirst() == "]", !ranges.isEmpty else { return nil }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    var joined: [ClosedRange<UInt32>] = []
    for range in ranges {
      if let last = joined.last, range.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }

  func apply(to words: inout Words) {
    withReader { reader in
      var pieces: [(end: Int, isMatch: Bool)] = []
      words.splitEach { text, word, out in
        pieces.removeAll(keepingCapacity: true)
        var at = word.start
        var done = word.start
        while at < word.end {
          guard let end = reader.end(text, at, word.end) else {
            at += UTF8Text.length(text[at])
            continue
          }
          if done < at { pieces.append((at, inverted)) }
          pieces.append((end, !inverted))
          at = end
          done = end
        }
        if done == word.start, behavior == .isolated {
          // Most words have no match.
          out.append(word)
          return
        }
        if done < word.end { pieces.append((word.end, inverted)) }
        behavior.append(pieces, from: word.start, to: &out)
      }
    }
  }

  private func withReader(_ body: (Reader) -> Void) {
    CharacterClasses.letters.withReader { classes in
      ascii.withUnsafeBufferPointer { ascii in
        ranges.withUnsafeBufferPointer { ranges in
          guard let ascii = ascii.baseAddress else { return }
          body(
            Reader(
              ascii: ascii, ranges: ranges, kinds: kinds, classes: classes, longest: longest,
              shortest: shortest,
              takesSpace: takesSpace))
        }
      }
    }
  }

  private struct Reader {
    let ascii: UnsafePointer<Bool>
    let ranges: UnsafeBufferPointer<ClosedRange<UInt32>>
    let kinds: UInt8
    let classes: CharacterClasses.Reader
    let longest: Int
    let shortest: Int
    let takesSpace: Bool

    /// Where the match that starts at `start` ends; nil if there is none.
    @inline(__always)
    func end(_ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int) -> Int? {
      if takesSpace {
        let (kind, length) = classes.scalar(text, start)
        if kind & CharacterClasses.space != 0, let end = runEnd(text, start + length, limit) { return end }
      }
      return runEnd(text, start, limit)
    }

    @inline(__always)
    private func runEnd(_ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int) -> Int? {
      var at = start
      var count = 0
      while at < limit, count < longest {
        let length = memberLength(text, at)
        guard length > 0 else { break }
        at += length
        count += 1
      }
      return count >= shortest ? at : nil
    }

    /// The length of a character of the class; 0 for any other.
    @inline(__always)
    private func memberLength(_ text: UnsafePointer<UInt8>, _ at: Int) -> Int {
      if text[at] < 0x80 { return ascii[Int(text[at])] ? 1 : 0 }
      if kinds != 0 {
        let (kind, length) = classes.scalar(text, at)
        return kind & kinds != 0 ? length : 0
      }
      let (scalar, length) = UTF8Text.scalar(text, at)
      var low = 0
      var high = ranges.count
      while low < high {
        let middle = (low + high) / 2
        if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
      }
      return low < ranges.count && ranges[low].lowerBound <= scalar ? length : 0
    }
  }
}

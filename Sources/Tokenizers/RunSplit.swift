// Splits at runs of characters of one class, such as \p{N}{1,3}, \s?\p{L}+ or [一-龥]+; files have several of them, one
// after another.

struct RunSplit: PreTokenizer {
  /// Which characters a run is made of.
  private enum Class {
    /// Bits of `CharacterClasses.letters`.
    case kind(UInt8)
    /// Ordered, without overlaps.
    case ranges([ClosedRange<UInt32>])
  }

  private let members: Class
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
      (members, longest, shortest, takesSpace) = (.ranges([0x30...0x39]), 3, 3, false)
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
    let kinds: [(String, UInt8)] = [
      (#"\p{L}"#, CharacterClasses.letter), (#"\p{N}"#, CharacterClasses.number),
      (#"\p{P}"#, CharacterClasses.Letters.punctuation), (#"\p{S}"#, CharacterClasses.Letters.symbol),
    ]
    if let kind = kinds.first(where: { take($0.0) }) {
      members = .kind(kind.1)
    } else {
      guard let ranges = Self.ranges(&rest) else { return nil }
      members = .ranges(ranges)
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
    CharacterClasses.letters.withReader { classes in
      var pieces: [(end: Int, isMatch: Bool)] = []
      words.splitEach { text, word, out in
        pieces.removeAll(keepingCapacity: true)
        var at = word.start
        var done = word.start
        while at < word.end {
          guard let end = end(text, at, word.end, classes) else {
            at += UTF8Text.length(text[at])
            continue
          }
          if done < at { pieces.append((at, inverted)) }
          pieces.append((end, !inverted))
          at = end
          done = end
        }
        if done < word.end { pieces.append((word.end, inverted)) }
        behavior.append(pieces, from: word.start, to: &out)
      }
    }
  }

  /// Where the match that starts at `at` ends; nil if there is none.
  @inline(__always)
  private func end(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int? {
    if takesSpace {
      let (kind, length) = classes.scalar(text, start)
      if kind & CharacterClasses.space != 0, let end = runEnd(text, start + length, limit, classes) {
        return end
      }
    }
    return runEnd(text, start, limit, classes)
  }

  @inline(__always)
  private func runEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int? {
    var at = start
    var count = 0
    while at < limit, count < longest {
      let length: Int
      switch members {
      case .kind(let mask):
        let found = classes.scalar(text, at)
        guard found.class & mask != 0 else { return count >= shortest ? at : nil }
        length = found.length
      case .ranges(let ranges):
        let found = UTF8Text.scalar(text, at)
        guard Self.contains(ranges, found.value) else { return count >= shortest ? at : nil }
        length = found.length
      }
      at += length
      count += 1
    }
    return count >= shortest ? at : nil
  }

  private static func contains(_ ranges: [ClosedRange<UInt32>], _ scalar: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= scalar
  }
}

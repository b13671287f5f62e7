// GPT-2's words: contractions, then letters, numbers or other characters with at most one space before
// them, then white space:
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

struct GPT2Words: PreTokenizer {
  func apply(to words: inout Words) {
    CharacterClasses.shared.withReader { classes in
      words.splitEach { text, word, out in
        var at = word.start
        while at < word.end {
          let end = Self.end(text, at, word.end, classes)
          out.append(Words.Word(start: at, end: end))
          at = end
        }
      }
    }
  }

  static let kinds = CharacterClasses.letter | CharacterClasses.number | CharacterClasses.space

  /// Where the word that starts at `at` ends.
  @inline(__always)
  private static func end(
    _ text: UnsafePointer<UInt8>, _ at: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    let first = text[at]
    if first == UInt8(ascii: "'") {
      let length = contraction(text, at, limit)
      if length > 0 { return at + length }
    }
    let start = first == 0x20 ? at + 1 : at
    guard start < limit else { return limit }
    let (kind, length) = classes.scalar(text, start)
    if kind & CharacterClasses.space == 0 {
      return runEnd(text, start + length, limit, of: kind & kinds, classes)
    }
    return spaceEnd(text, at, limit, classes)
  }

  /// The end of a run of characters of one kind: letters, numbers, or (0) neither letters, numbers nor space.
  @inline(__always)
  static func runEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, of kind: UInt8,
    _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    while at < limit {
      let (next, length) = classes.scalar(text, at)
      guard next & kinds == kind else { break }
      at += length
    }
    return at
  }

  /// White space up to the end of the text; elsewhere all but its last character, which belongs to the next word.
  @inline(__always)
  static func spaceEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var last = start
    var at = start
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & CharacterClasses.space != 0 else { return last > start ? last : at }
      last = at
      at += length
    }
    return limit
  }

  /// The length of 's 't 'm 'd 're 've 'll at an apostrophe; 0 if there is none.
  @inline(__always)
  private static func contraction(_ text: UnsafePointer<UInt8>, _ at: Int, _ limit: Int) -> Int {
    guard at + 1 < limit else { return 0 }
    switch text[at + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return at + 2 < limit && text[at + 2] == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"): return at + 2 < limit && text[at + 2] == UInt8(ascii: "l") ? 3 : 0
    default: return 0
    }
  }
}

// The words of cl100k, Llama 3 and Qwen:
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//
// Qwen 3.5 has [\p{L}\p{M}] for letters, and no marks among the symbols.

struct Llama3Words: PreTokenizer {
  /// 3 for cl100k and Llama 3, 1 for Qwen 2.
  let longestNumber: Int
  /// Whether 'ſ (U+017F) is a contraction: `(?i:…)` folds it to s.
  let foldsLongS: Bool
  /// What counts as letters.
  private let letters: UInt8
  private let classes: CharacterClasses

  init(longestNumber: Int, foldsLongS: Bool, marksAreLetters: Bool = false) {
    self.longestNumber = longestNumber
    self.foldsLongS = foldsLongS
    letters = CharacterClasses.letter | (marksAreLetters ? CharacterClasses.Letters.mark : 0)
    classes = marksAreLetters ? .letters : .shared
  }

  private var kinds: UInt8 { letters | CharacterClasses.number | CharacterClasses.space }

  func apply(to words: inout Words) {
    classes.withReader { classes in
      words.splitEach { text, word, out in
        var at = word.start
        while at < word.end {
          let end = end(text, at, word.end, classes)
          out.append(Words.Word(start: at, end: end))
          at = end
        }
      }
    }
  }

  @inline(__always)
  private func end(
    _ text: UnsafePointer<UInt8>, _ at: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    let first = text[at]
    if first == UInt8(ascii: "'") {
      let length = Self.contraction(text, at, limit, foldsLongS)
      if length > 0 { return at + length }
    }
    let (kind, length) = classes.scalar(text, at)
    if kind & letters != 0 { return lettersEnd(text, at + length, limit, classes) }
    if kind & CharacterClasses.number != 0 {
      return Self.numberEnd(text, at + length, limit, longestNumber, classes)
    }
    let after = at + length
    if after < limit, first != 0x0D, first != 0x0A {
      // Any single character that is neither a number nor a line end belongs to the letters after it.
      let (next, nextLength) = classes.scalar(text, after)
      if next & letters != 0 { return lettersEnd(text, after + nextLength, limit, classes) }
      if first == 0x20, next & kinds == 0 {
        return symbolsEnd(text, after + nextLength, limit, classes)
      }
    }
    if kind & CharacterClasses.space == 0 { return symbolsEnd(text, after, limit, classes) }
    return Self.spaceEnd(text, at, limit, classes)
  }

  /// The rest of a run of letters.
  @inline(__always)
  private func lettersEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & letters != 0 else { break }
      at += length
    }
    return at
  }

  /// The rest of a number of at most `longest` digits.
  @inline(__always)
  static func numberEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ longest: Int,
    _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    for _ in 1..<max(longest, 1) where at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & CharacterClasses.number != 0 else { break }
      at += length
    }
    return at
  }

  /// The rest of a run of symbols, and the line ends after it.
  @inline(__always)
  private func symbolsEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & kinds == 0 else { break }
      at += length
    }
    while at < limit, text[at] == 0x0D || text[at] == 0x0A { at += 1 }
    return at
  }

  /// White space up to its last line end; without one, as in GPT-2.
  @inline(__always)
  static func spaceEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    var lineEnd = -1
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & CharacterClasses.space != 0 else { break }
      if text[at] == 0x0D || text[at] == 0x0A { lineEnd = at + 1 }
      at += length
    }
    if lineEnd > 0 { return lineEnd }
    return GPT2Words.spaceEnd(text, start, limit, classes)
  }

  /// The length of 's 't 'm 'd 're 've 'll in either case at an apostrophe; 0 if there is none.
  @inline(__always)
  static func contraction(
    _ text: UnsafePointer<UInt8>, _ at: Int, _ limit: Int, _ foldsLongS: Bool
  ) -> Int {
    guard at + 1 < limit else { return 0 }
    switch text[at + 1] | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return at + 2 < limit && text[at + 2] | 0x20 == UInt8(ascii: "e") ? 3 : 0
    case UInt8(ascii: "l"): return at + 2 < limit && text[at + 2] | 0x20 == UInt8(ascii: "l") ? 3 : 0
    case 0xE5: return foldsLongS && at + 2 < limit && text[at + 1] == 0xC5 && text[at + 2] == 0xBF ? 3 : 0
    default: return 0
    }
  }
}

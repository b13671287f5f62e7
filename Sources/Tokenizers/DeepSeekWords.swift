// The words of DeepSeek V3, which come after numbers and Chinese and Japanese characters have been split off. What the
// pattern does not match, such as control characters, is a word up to the next match.

struct DeepSeekWords: PreTokenizer {
  static let pattern =
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
    + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static let letters = CharacterClasses.letter | CharacterClasses.Letters.mark
  private static let symbols = CharacterClasses.Letters.punctuation | CharacterClasses.Letters.symbol

  func apply(to words: inout Words) {
    CharacterClasses.letters.withReader { classes in
      words.splitEach { text, word, out in
        var at = word.start
        var done = word.start
        while at < word.end {
          guard let end = Self.end(text, at, word.end, classes) else {
            at += UTF8Text.length(text[at])
            continue
          }
          if done < at { out.append(Words.Word(start: done, end: at)) }
          out.append(Words.Word(start: at, end: end))
          at = end
          done = end
        }
        if done < word.end { out.append(Words.Word(start: done, end: word.end)) }
      }
    }
  }

  /// Where the match that starts at `at` ends; nil if there is none.
  @inline(__always)
  private static func end(
    _ text: UnsafePointer<UInt8>, _ at: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int? {
    let first = text[at]
    let (kind, length) = classes.scalar(text, at)
    let after = at + length
    if first < 0x80, kind & symbols != 0, after < limit, isASCIILetter(text[after]) {
      var at = after
      while at < limit, isASCIILetter(text[at]) { at += 1 }
      return at
    }
    if kind & letters != 0 { return runEnd(text, after, limit, letters, classes) }
    if first != 0x0D, first != 0x0A, kind & symbols == 0, after < limit {
      let (next, nextLength) = classes.scalar(text, after)
      if next & letters != 0 { return runEnd(text, after + nextLength, limit, letters, classes) }
      if first == 0x20, next & symbols != 0 { return symbolsEnd(text, after, limit, classes) }
    }
    if kind & symbols != 0 { return symbolsEnd(text, at, limit, classes) }
    return kind & CharacterClasses.space != 0 ? Llama3Words.spaceEnd(text, at, limit, classes) : nil
  }

  @inline(__always)
  private static func runEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ mask: UInt8,
    _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & mask != 0 else { break }
      at += length
    }
    return at
  }

  /// A run of symbols, and the line ends after it.
  @inline(__always)
  private static func symbolsEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = runEnd(text, start, limit, symbols, classes)
    while at < limit, text[at] == 0x0D || text[at] == 0x0A { at += 1 }
    return at
  }

  @inline(__always)
  private static func isASCIILetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}

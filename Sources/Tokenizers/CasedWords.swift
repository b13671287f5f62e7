// The words of GPT-4o (o200k) and Tekken, which begin where small letters are followed by capital ones. With U for
// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L for [\p{Ll}\p{Lm}\p{Lo}\p{M}] and C for the contractions of GPT-4o:
// [^\r\n\p{L}\p{N}]?U*L+C?|[^\r\n\p{L}\p{N}]?U+L*C?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+

struct CasedWords: PreTokenizer {
  /// 3 for GPT-4o, 1 for Tekken.
  let longestNumber: Int
  let endsInContractions: Bool

  private static let upper = CharacterClasses.Letters.upper
  private static let lower = CharacterClasses.Letters.lower
  private static let both = upper | lower
  private static let kinds = CharacterClasses.letter | CharacterClasses.number | CharacterClasses.space

  func apply(to words: inout Words) {
    CharacterClasses.letters.withReader { classes in
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
    let (kind, length) = classes.scalar(text, at)
    let after = at + length
    if kind & CharacterClasses.letter != 0 { return wordEnd(text, at, limit, classes) }
    if kind & CharacterClasses.number != 0 {
      return Llama3Words.numberEnd(text, after, limit, longestNumber, classes)
    }
    if first != 0x0D, first != 0x0A {
      // Any single character that is neither a number nor a line end belongs to the letters after it.
      if after < limit, classes.scalar(text, after).class & Self.both != 0 {
        let (end, isLower) = caseEnd(text, after, limit, classes)
        // A mark before capital letters alone is a word of small letters by itself.
        if isLower || kind & CharacterClasses.Letters.mark == 0 { return ending(text, end, limit) }
      }
      if kind & CharacterClasses.Letters.mark != 0 { return wordEnd(text, at, limit, classes) }
      if kind & CharacterClasses.space == 0 { return symbolsEnd(text, after, limit, classes) }
      if first == 0x20, after < limit, classes.scalar(text, after).class & Self.kinds == 0 {
        return symbolsEnd(text, after, limit, classes)
      }
    }
    return Llama3Words.spaceEnd(text, at, limit, classes)
  }

  @inline(__always)
  private func wordEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    ending(text, caseEnd(text, start, limit, classes).end, limit)
  }

  /// The end of a word, and whether it ends in small letters (`U*L+`).
  @inline(__always)
  private func caseEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> (end: Int, isLower: Bool) {
    var at = start
    /// Behind the last character that counts as both; 0 if there is none.
    var bothEnd = 0
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & Self.upper != 0 else {
        guard kind & Self.lower != 0 else { break }
        return (lowerEnd(text, at + length, limit, classes), true)
      }
      at += length
      if kind & Self.lower != 0 { bothEnd = at }
    }
    return bothEnd > 0 ? (bothEnd, true) : (at, false)
  }

  @inline(__always)
  private func lowerEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & Self.lower != 0 else { break }
      at += length
    }
    return at
  }

  @inline(__always)
  private func ending(_ text: UnsafePointer<UInt8>, _ end: Int, _ limit: Int) -> Int {
    guard endsInContractions, end < limit, text[end] == UInt8(ascii: "'") else { return end }
    return end + Llama3Words.contraction(text, end, limit, true)
  }

  /// The rest of a run of symbols, and the line ends and slashes after it.
  @inline(__always)
  private func symbolsEnd(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int, _ classes: CharacterClasses.Reader
  ) -> Int {
    var at = start
    while at < limit {
      let (kind, length) = classes.scalar(text, at)
      guard kind & Self.kinds == 0 else { break }
      at += length
    }
    while at < limit, text[at] == 0x0D || text[at] == 0x0A || text[at] == UInt8(ascii: "/") { at += 1 }
    return at
  }
}

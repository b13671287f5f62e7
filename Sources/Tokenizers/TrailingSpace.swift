// Splits at the white space that a text, or a line, ends with: \s+$

struct TrailingSpace: PreTokenizer {
  static let pattern = #"\s+$"#

  let behavior: SplitBehavior
  let inverted: Bool

  func apply(to words: inout Words) {
    CharacterClasses.shared.withReader { classes in
      var pieces: [(end: Int, isMatch: Bool)] = []
      words.splitEach { text, word, out in
        pieces.removeAll(keepingCapacity: true)
        var at = word.start
        var done = word.start
        while at < word.end {
          let start = at
          /// The last line feed behind the first character of the run.
          var lineFeed: Int?
          while at < word.end {
            let (kind, length) = classes.scalar(text, at)
            guard kind & CharacterClasses.space != 0 else { break }
            if text[at] == 0x0A, at > start { lineFeed = at }
            at += length
          }
          guard at > start else {
            at += UTF8Text.length(text[at])
            continue
          }
          guard let end = at == word.end ? at : lineFeed else { continue }
          if done < start { pieces.append((start, inverted)) }
          pieces.append((end, !inverted))
          at = end
          done = end
        }
        if done < word.end { pieces.append((word.end, inverted)) }
        behavior.append(pieces, from: word.start, to: &out)
      }
    }
  }
}

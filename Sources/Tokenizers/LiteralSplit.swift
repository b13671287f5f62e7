// Splits at a literal text.

struct LiteralSplit: PreTokenizer {
  let pattern: [UInt8]
  let behavior: SplitBehavior
  let inverted: Bool

  func apply(to words: inout Words) {
    guard let first = pattern.first else { return }
    var pieces: [(end: Int, isMatch: Bool)] = []
    words.splitEach { text, word, out in
      pieces.removeAll(keepingCapacity: true)
      var at = word.start
      var done = word.start
      while at + pattern.count <= word.end {
        let found =
          text[at] == first
          && UnsafeBufferPointer(start: text + at, count: pattern.count).elementsEqual(pattern)
        guard found else {
          at += 1
          continue
        }
        if done < at { pieces.append((at, inverted)) }
        at += pattern.count
        pieces.append((at, !inverted))
        done = at
      }
      if done < word.end { pieces.append((word.end, inverted)) }
      behavior.append(pieces, from: word.start, to: &out)
    }
  }
}

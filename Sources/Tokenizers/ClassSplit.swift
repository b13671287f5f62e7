// Splitting at characters of a class: Digits, Punctuation, Whitespace, WhitespaceSplit.

/// Every character of a class is a match by itself.
struct ClassSplit: PreTokenizer {
  let mask: UInt8
  let behavior: SplitBehavior

  init(_ mask: UInt8, behavior: SplitBehavior) {
    self.mask = mask
    self.behavior = behavior
  }

  func apply(to words: inout Words) {
    CharacterClasses.shared.withReader { classes in
      if behavior == .contiguous { return splitRuns(&words, classes) }
      var pieces: [(end: Int, isMatch: Bool)] = []
      words.splitEach { text, word, out in
        pieces.removeAll(keepingCapacity: true)
        var at = word.start
        while at < word.end {
          let (kind, length) = classes.scalar(text, at)
          at += length
          let isMatch = kind & mask != 0
          if !isMatch, let last = pieces.last, !last.isMatch {
            pieces[pieces.count - 1].end = at
          } else {
            pieces.append((at, isMatch))
          }
        }
        behavior.append(pieces, from: word.start, to: &out)
      }
    }
  }

  /// Words end where the class begins or ends.
  private func splitRuns(_ words: inout Words, _ classes: CharacterClasses.Reader) {
    words.splitEach { text, word, out in
      var start = word.start
      var at = start
      var wasMatch = false
      while at < word.end {
        let (kind, length) = classes.scalar(text, at)
        let isMatch = kind & mask != 0
        if isMatch != wasMatch, at > start {
          out.append(Words.Word(start: start, end: at))
          start = at
        }
        wasMatch = isMatch
        at += length
      }
      if start < word.end { out.append(Words.Word(start: start, end: word.end)) }
    }
  }
}

/// WhitespaceSplit: all between white space.
struct WordsBetweenSpace: PreTokenizer {
  func apply(to words: inout Words) {
    CharacterClasses.shared.withReader { classes in
      words.splitEach { text, word, out in
        var start = word.start
        var at = start
        while at < word.end {
          let (kind, length) = classes.scalar(text, at)
          if kind & CharacterClasses.whitespace != 0 {
            if start < at { out.append(Words.Word(start: start, end: at)) }
            start = at + length
          }
          at += length
        }
        if start < word.end { out.append(Words.Word(start: start, end: word.end)) }
      }
    }
  }
}

/// Whitespace: `\w+|[^\w\s]+`, without the white space in between.
struct WordsAndSymbols: PreTokenizer {
  func apply(to words: inout Words) {
    let kinds = CharacterClasses.word | CharacterClasses.whitespace
    CharacterClasses.shared.withReader { classes in
      words.splitEach { text, word, out in
        var at = word.start
        while at < word.end {
          let start = at
          let kind = classes.scalar(text, at).class & kinds
          while at < word.end {
            let (next, length) = classes.scalar(text, at)
            guard next & kinds == kind else { break }
            at += length
          }
          if kind != CharacterClasses.whitespace { out.append(Words.Word(start: start, end: at)) }
        }
      }
    }
  }
}

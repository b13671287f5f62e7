// BertPreTokenizer: words end at white space, which is dropped, and at punctuation, each mark of which is a word.

struct BertWords: PreTokenizer {
  func apply(to words: inout Words) {
    CharacterClasses.shared.withReader { classes in
      words.splitEach { text, word, out in
        var start = word.start
        var at = start
        while at < word.end {
          let (kind, length) = classes.scalar(text, at)
          let next = at + length
          if kind & (CharacterClasses.whitespace | CharacterClasses.punctuation) != 0 {
            if start < at { out.append(Words.Word(start: start, end: at)) }
            if kind & CharacterClasses.whitespace == 0 { out.append(Words.Word(start: at, end: next)) }
            start = next
          }
          at = next
        }
        if start < word.end { out.append(Words.Word(start: start, end: word.end)) }
      }
    }
  }
}

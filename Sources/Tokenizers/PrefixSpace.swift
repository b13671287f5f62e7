// Puts a space in front of every word that has none, so that the first word of a text is like any other.

struct PrefixSpace: PreTokenizer {
  /// The growth is that of a word of one byte.
  var growth: Int { 2 }

  func apply(to words: inout Words) {
    words.rewriteEach { text, word, _, out in
      if text[word.start] != 0x20 { out.append(0x20, from: word.start) }
      out.copy(text, word.start..<word.end)
    }
  }
}

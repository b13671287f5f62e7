// Puts a space in front of every word that has none, so that the first word of a text is like any other.

struct PrefixSpace: PreTokenizer {
  /// The growth is that of a word of one byte.
  var growth: Int { 2 }

  func apply(to words: inout Words) {
    words.rewriteEach { word, _, out in
      if word.first != 0x20 { out.append(0x20) }
      out.append(contentsOf: word)
    }
  }
}

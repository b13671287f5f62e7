// A command as one may type it.

/// Words with quotes where a shell would read one of them as something else.
func typed(_ words: [String]) -> String {
  words.map { word in
    let isPlain =
      !word.isEmpty && !word.hasPrefix("~")
      && word.allSatisfy { $0.isLetter || $0.isNumber || "-_=+.,:/@%~".contains($0) }
    return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
  }.joined(separator: " ")
}

// A command as a user can type it.

/// The words, with quotes if a shell would read a word differently.
func typed(_ words: [String]) -> String {
  words.map { word in
    let isPlain =
      !word.isEmpty && !word.hasPrefix("~")
      && word.allSatisfy { $0.isLetter || $0.isNumber || "-_=+.,:/@%~".contains($0) }
    return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
  }.joined(separator: " ")
}

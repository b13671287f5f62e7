// The regular expressions that files split texts by. Each is built in by hand, and known by its text.

enum RegexSplits {
  /// nil if the pattern is not built in.
  static func splitter(_ pattern: String, _ behavior: SplitBehavior, inverted: Bool) -> (any PreTokenizer)? {
    // These match every part of any text, so that nothing is left between the matches.
    if behavior == .isolated || (behavior == .removed && inverted), let words = words(pattern) {
      return words
    }
    if behavior == .isolated, !inverted, pattern == DeepSeekWords.pattern { return DeepSeekWords() }
    if pattern == TrailingSpace.pattern { return TrailingSpace(behavior: behavior, inverted: inverted) }
    return RunSplit(pattern: pattern, behavior: behavior, inverted: inverted)
  }

  private static func words(_ pattern: String) -> (any PreTokenizer)? {
    switch pattern {
    case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
      #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#:
      return GPT2Words()
    case contractions + "|" + numbered("{1,3}"): return Llama3Words(longestNumber: 3, foldsLongS: true)
    case contractions + "|" + numbered(""): return Llama3Words(longestNumber: 1, foldsLongS: true)
    case asciiContractions + "|" + numbered("{1,3}"): return Llama3Words(longestNumber: 3, foldsLongS: false)
    case asciiContractions + "|" + numbered(""): return Llama3Words(longestNumber: 1, foldsLongS: false)
    case contractions + "|" + marked:
      return Llama3Words(longestNumber: 1, foldsLongS: true, marksAreLetters: true)
    case cased(contractions + "?", "{1,3}"): return CasedWords(longestNumber: 3, endsInContractions: true)
    case cased("", ""): return CasedWords(longestNumber: 1, endsInContractions: false)
    default: return nil
    }
  }

  private static let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
  private static let asciiContractions = #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"#
  private static let spaces = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let marked =
    #"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"# + spaces

  private static func numbered(_ count: String) -> String {
    #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}\#(count)| ?[^\s\p{L}\p{N}]+[\r\n]*"# + spaces
  }

  private static func cased(_ ending: String, _ count: String) -> String {
    let start = #"[^\r\n\p{L}\p{N}]?"#
    let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
    return "\(start)\(upper)*\(lower)+\(ending)|\(start)\(upper)+\(lower)*\(ending)"
      + #"|\p{N}\#(count)| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + spaces
  }
}

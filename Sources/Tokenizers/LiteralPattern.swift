// Regular expressions that are nothing but literal texts: `a|b\+|c d`, as Python's `re.escape` writes each.

enum LiteralPattern {
  private static let special = Set(#"()[]{}?*+-|^$\.&~# "#.unicodeScalars).union(
    "\t\n\r\u{0B}\u{0C}".unicodeScalars)

  static func text(of alternatives: [String]) -> String {
    alternatives.map { text in
      var escaped = String.UnicodeScalarView()
      for scalar in text.unicodeScalars {
        if special.contains(scalar) { escaped.append("\\") }
        escaped.append(scalar)
      }
      return String(escaped)
    }.joined(separator: "|")
  }

  /// The alternatives in their order, as UTF-8; nil if the pattern has any other part, or an empty one.
  static func alternatives(_ pattern: String) -> [[UInt8]]? {
    var alternatives = [String.UnicodeScalarView()]
    var isEscaped = false
    for scalar in pattern.unicodeScalars {
      if isEscaped {
        // Letters and digits behind a backslash are classes, anchors and references.
        let isLetter = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        guard !isLetter else { return nil }
        isEscaped = false
      } else if scalar == "\\" {
        isEscaped = true
        continue
      } else if scalar == "|" {
        alternatives.append(String.UnicodeScalarView())
        continue
      } else if #"()[]{}?*+^$."#.unicodeScalars.contains(scalar) {
        return nil
      }
      alternatives[alternatives.count - 1].append(scalar)
    }
    guard !isEscaped, alternatives.allSatisfy({ !$0.isEmpty }) else { return nil }
    return alternatives.map { Array(String($0).utf8) }
  }
}

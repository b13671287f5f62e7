// A question as FTS5 looks for it: any of its words, each on its own.

package enum LexicalQuery {
  /// - Returns: nil for a text without a word, which nothing can match.
  package static func expression(_ text: [UInt8]) -> String? {
    let words = String(decoding: text, as: UTF8.self).unicodeScalars.split { !isOfWord($0) }
    guard !words.isEmpty else { return nil }
    // In quotes, a word such as AND or NEAR is none of FTS5's own.
    return words.map { "\"\(String(String.UnicodeScalarView($0)))\"" }.joined(separator: " OR ")
  }

  /// What the tokenizer unicode61 takes for a part of a word: letters, numbers, and marks on them.
  private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber, .privateUse, .nonspacingMark:
      true
    default: false
    }
  }
}

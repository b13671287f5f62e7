// The judge of checkable answers: right or wrong, letter for letter.

/// How many answers were exactly right, apart from white space around them.
package struct ExactMatch: Equatable, Sendable {
  package private(set) var matches = 0
  package private(set) var total = 0

  package init() {}

  /// The share of right answers, 0 if none was judged.
  package var share: Double { total == 0 ? 0 : Double(matches) / Double(total) }

  package mutating func record(_ answer: String, expected: String) {
    total += 1
    if Self.agrees(answer, with: expected) { matches += 1 }
  }

  /// Compares UTF-8, because `String` calls different spellings of a letter equal.
  package static func agrees(_ answer: String, with expected: String) -> Bool {
    trimmed(answer).utf8.elementsEqual(trimmed(expected).utf8)
  }

  private static func trimmed(_ text: String) -> Substring {
    let start = text.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return start[...last]
  }
}

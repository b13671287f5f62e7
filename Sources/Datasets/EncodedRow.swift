// A row as tokens that are learned by next tokens, all of them or some.

/// The tokens of a row, and which of them carry a loss.
package struct EncodedRow: Equatable, Sendable {
  package var tokens: [Int32]
  /// Where targets stand, in order and apart from each other.
  package var targets: [Range<Int>]
  /// Whether the first target begins inside the last token of the prompt.
  package var isMerged = false
}

extension EncodedRow {
  /// How many targets stand behind so many tokens.
  func targets(behind longest: Int) -> Int {
    targets.reduce(0) { $0 + max(0, $1.upperBound - max($1.lowerBound, longest)) }
  }

  /// The targets of a part, counted from its beginning.
  /// - Parameter first: the first token of a part that something can predict.
  func targets(in part: Range<Int>, from first: Int) -> [Range<Int>] {
    targets.compactMap { range in
      let clamped = range.clamped(to: part)
      let start = max(clamped.lowerBound - part.lowerBound, first)
      let end = clamped.upperBound - part.lowerBound
      return start < end ? start..<end : nil
    }
  }
}

// The tokens that a row is trained as.
import Datasets

package struct RowTokens {
  private let sequences: TokenSequences
  private let spans: Range<Int>
  /// Whether they are all that the row has: nothing was cut off.
  let isWhole: Bool

  /// Of a row by itself.
  init(_ row: EncodedExample) {
    sequences = row.sequences
    spans = row.sequences.spanSources.indices
    isWhole = row.counts.cutTokens == 0
  }

  /// One of the spans that a run trains on.
  /// - Parameter longest: tokens that a row may have.
  init(span: Int, of sequences: TokenSequences, longest: Int) {
    self.sequences = sequences
    spans = span..<span + 1
    let (all, source) = (sequences.spanSources, sequences.spanSources[span])
    let isAlone =
      (span == 0 || all[span - 1] != source) && (span + 1 == all.count || all[span + 1] != source)
    // Of joined text the last document may have lost its end.
    isWhole = isAlone && sequences.tokenRange(ofSpan: span).count < longest && span + 1 < all.count
  }

  var isEmpty: Bool { spans.isEmpty }

  /// Whether they are learned by next tokens.
  var areNextTokens: Bool { sequences.kind.isOfNextTokens }

  /// The tokens of each of its sequences.
  var parts: [ArraySlice<Int32>] { spans.map { sequences.tokens[sequences.tokenRange(ofSpan: $0)] } }

  /// The tokens that are predicted, of the last sequence that has some, in order.
  /// - Parameter count: the last so many.
  func lastTargets(_ count: Int) -> [Int32] {
    guard areNextTokens else { return [] }
    for span in spans.reversed() {
      let range = sequences.tokenRange(ofSpan: span)
      let targets = range.reversed().lazy.filter { sequences.lossMask[$0] }.prefix(count)
      let found = Array(targets.map { sequences.tokens[$0] })
      if !found.isEmpty { return found.reversed() }
    }
    return []
  }

  /// Whether a token is one of those that are predicted.
  func predicts(_ token: Int32) -> Bool {
    guard areNextTokens else { return false }
    return spans.contains { span in
      // Nothing predicts what a row begins with.
      sequences.tokenRange(ofSpan: span).dropFirst().contains {
        sequences.tokens[$0] == token && sequences.lossMask[$0]
      }
    }
  }

  /// How often a token is there, among how many.
  func count(of token: Int32) -> (found: Int, all: Int) {
    spans.reduce(into: (0, 0)) { counts, span in
      let tokens = sequences.tokens[sequences.tokenRange(ofSpan: span)]
      counts.0 += tokens.count { $0 == token }
      counts.1 += tokens.count
    }
  }
}

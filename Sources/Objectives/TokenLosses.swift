// Rows whose tokens a model did not expect.
import Base

extension Evaluated {
  /// The tenth of the rows that has the highest mean loss of a target.
  /// - Parameter isNext: whether the loss of a token stands at the token before it.
  func highestLosses(ofNext isNext: Bool) -> [Mistake] {
    let mistakes = measuredRows.enumerated().compactMap { row, measured -> Mistake? in
      var (sum, count) = (0.0, 0)
      for part in measured.parts {
        let (losses, first) = (self[part.sequence], sequences.tokenRange(of: part.sequence).lowerBound)
        for token in part.tokens {
          let place = token - first - (isNext ? 1 : 0)
          // NaN stands where there is no target.
          guard place >= 0, !losses[losses.startIndex + place].isNaN else { continue }
          sum += losses[losses.startIndex + place]
          count += 1
        }
      }
      guard count > 0 else { return nil }
      return Mistake(
        row: row, gold: .null, predicted: .null, confidence: nil, loss: sum / Double(count),
        facts: [("target_tokens", .integer(count))])
    }
    return mistakes.worstTenth(ofRows: mistakes.count)
  }
}

// How far up the right one stands among many candidates.

package struct RankingMeasures {
  private var ranks: [Int] = []

  package init() {}

  /// - Parameters:
  ///   - scores: one for each candidate; candidates of equal scores stand before the right one, also
  ///     where they differ by rounding errors.
  ///   - right: the place of the right candidate.
  package mutating func count(_ scores: some Sequence<Float>, right: Int) {
    ranks.append(1 + Self.before(right, in: Array(scores)).count)
  }

  /// What scores of equal texts differ by at most, as a share of the largest: products of some libraries have other
  /// last bits at other places of a batch.
  private static let rounding: Float = 1e-5

  /// The candidates that stand before the right one, in the order of their places.
  package static func before(_ right: Int, in scores: [Float]) -> [Int] {
    let size = scores.reduce(Float(0)) { abs($1) > $0 ? abs($1) : $0 }
    let bound = scores[right] - rounding * size
    return scores.indices.filter { $0 != right && !(scores[$0] < bound) }
  }

  /// The share of the right ones that are among the first `k`.
  package func recall(at k: Int) -> Double { Double(ranks.count { $0 <= k }) / Double(ranks.count) }

  /// The mean of 1 / rank.
  package var meanReciprocalRank: Double { ranks.reduce(0) { $0 + 1 / Double($1) } / Double(ranks.count) }
}

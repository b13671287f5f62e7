// Several rankings as one (Cormack, Clarke and Büttcher 2009, reciprocal rank fusion).

package enum ReciprocalRanks {
  /// The paper's constant, which keeps first places from deciding alone.
  static let constant = 60.0
  /// How many places of each ranking count, at least.
  static let depth = 100

  /// A chunk's score is the sum of 1 / (60 + its place) over the rankings that have it; places count from 1.
  package static func fused(_ rankings: [[ScoredChunk]]) -> [ScoredChunk] {
    var scores: [Int64: Double] = [:]
    for ranking in rankings {
      for (place, hit) in ranking.enumerated() {
        scores[hit.number, default: 0] += 1 / (constant + Double(place + 1))
      }
    }
    return scores.map { ScoredChunk($0.key, $0.value) }.sorted(by: ScoredChunk.precedes)
  }
}

// The nearest vectors by their cosine, over all ranks: each looks through blocks or lists of its own.
import Base
import Collectives
import Kernels

/// Which vectors a search compares.
package enum SearchReach: Equatable, Sendable {
  case all
  /// Those in so many of the lists of a clustered part, the nearest ones; nil for as many as were measured to be enough when
  /// it was clustered.
  case lists(Int?)
}

struct VectorSearch {
  private let scan: VectorScan
  private let ranks: Ranks

  init(_ engine: Engine, _ ranks: Ranks) {
    scan = VectorScan(engine, rank: ranks.rank, of: ranks.count)
    self.ranks = ranks
  }

  /// The best chunks for each query, known to all ranks. Collective.
  /// - Parameters:
  ///   - queries: [n, width], each of length 1.
  ///   - count: how many chunks of each.
  func best(_ queries: [Float], width: Int, count: Int, in parts: [VectorPart], reach: SearchReach) throws
    -> [[ScoredChunk]]
  {
    let all = queries.count / width
    let size = VectorScan.queries(count: count, reach)
    var result: [[ScoredChunk]] = []
    for first in stride(from: 0, to: all, by: size) {
      let rows = first..<min(first + size, all)
      let own = try ranks.together {
        try scan.best(
          Array(queries[rows.lowerBound * width..<rows.upperBound * width]), width: width, count: count,
          in: parts, reach: reach)
      }
      result += gathered(own, count: count)
    }
    return result
  }

  /// Puts the best of all ranks together.
  private func gathered(_ own: [[ScoredChunk]], count: Int) -> [[ScoredChunk]] {
    guard ranks.count > 1 else { return own }
    let all = ranks.gather(
      own.flatMap { hits in [Double(hits.count)] + hits.flatMap { [Double($0.number), $0.score] } })
    var starts = [Int](repeating: 0, count: ranks.count)
    return own.indices.map { _ in
      var best = BestHits(count: count)
      for rank in 0..<ranks.count {
        let first = starts[rank] + 1
        let found = Int(all[rank][first - 1])
        for hit in 0..<found {
          best.insert(ScoredChunk(Int64(all[rank][first + 2 * hit]), all[rank][first + 2 * hit + 1]))
        }
        starts[rank] = first + 2 * found
      }
      return best.hits
    }
  }
}

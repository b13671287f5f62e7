// How fast vectors are searched, on vectors that are made for it and lie as those of texts do.
import Base
import Collectives
import Foundation
import Kernels

package struct SearchTrial {
  package let folder: String
  private let width: Int
  private let count: Int
  private let engine: Engine
  private let ranks: Ranks
  private let type: IndexFacts.VectorType

  /// What a search took, and what it found.
  package struct Outcome {
    package let seconds: Double
    package let found: [[ScoredChunk]]
  }

  /// - Parameters:
  ///   - folder: must be there; takes the files.
  ///   - count: vectors of `width` numbers.
  package init(
    _ folder: String, count: Int, width: Int, type: IndexFacts.VectorType, engine: Engine, ranks: Ranks
  ) {
    (self.folder, self.count, self.width, self.type) = (folder, count, width, type)
    (self.engine, self.ranks) = (engine, ranks)
  }

  package func vectors(_ count: Int, seed: UInt64) -> [Float] {
    Self.vectors(count, of: self.count, width: width, seed: seed)
  }

  /// Directions around one centre for each hundred of them; the noise is as long as the centre. The variance of column j is that
  /// of the first one divided by j, as the principal components of texts have it, so that 128 numbers vary in about 15 directions.
  /// - Parameter all: how many vectors there are in all, of which these are some, or queries for them.
  package static func vectors(_ count: Int, of all: Int, width: Int, seed: UInt64) -> [Float] {
    let centres = max(all / 100, 1)
    let spread = (1...width).map { 1 / Float($0).squareRoot() }
    // Numbers of a centre and of noise have the same spread.
    func draw(_ random: inout PhiloxStream) -> Float { Float(random.unit() + random.unit() - 1) }
    var made = [Float](repeating: 0, count: count * width)
    var random = PhiloxStream(seed: seed, stream: 0)
    for row in 0..<count {
      var centre = PhiloxStream(seed: 1, stream: UInt64(1 + random.below(centres)))
      var sum: Float = 0
      for column in 0..<width {
        let number = spread[column] * (draw(&centre) + draw(&random))
        made[row * width + column] = number
        sum += number * number
      }
      let scale = 1 / sum.squareRoot()
      for column in row * width..<(row + 1) * width { made[column] *= scale }
    }
    return made
  }

  /// Writes the vectors, on the first rank. Collective.
  package func write() throws {
    try ranks.together {
      guard ranks.isFirst else { return }
      try VectorPart.write(
        folder, number: 1, numbers: (0..<count).map { Int64($0 + 1) }, vectors: vectors(count, seed: 2),
        width: width,
        type: type)
    }
  }

  /// Sorts them into lists, on the first rank. Collective.
  /// - Returns: the lists, on the first rank, and seconds.
  package func cluster(lists: Int?, recall: Double?) throws -> (clusters: VectorClusters?, seconds: Double) {
    let start = Date()
    let clusters = try ranks.together { () throws -> VectorClusters? in
      guard ranks.isFirst else { return nil }
      let part = try VectorPart(folder, number: 1, width: width, type: type)
      let made = try VectorLists(
        [part], lists: lists ?? VectorLists.usual(count), recall: recall ?? VectorLists.usualRecall,
        threads: engine.pool.threads)
      try VectorPart.write(folder, number: 2, made.order, of: [part], clusters: made.clusters)
      return made.clusters
    }
    return (clusters, Date().timeIntervalSince(start))
  }

  /// The fastest of several searches. Collective.
  package func search(_ queries: [Float], count: Int, reach: SearchReach, repeats: Int) throws -> Outcome {
    let part = try ranks.together {
      try VectorPart(folder, number: reach == .all ? 1 : 2, width: width, type: type)
    }
    var best = Outcome(seconds: .infinity, found: [])
    for _ in 0..<repeats {
      ranks.barrier()
      let start = Date()
      let found = try VectorSearch(engine, ranks).best(
        queries, width: width, count: count, in: [part], reach: reach)
      let seconds = Date().timeIntervalSince(start)
      if seconds < best.seconds { best = Outcome(seconds: seconds, found: found) }
    }
    return best
  }

  /// The share of the nearest vectors that were found.
  package static func recall(_ found: [[ScoredChunk]], of all: [[ScoredChunk]]) -> Double {
    let hits = zip(found, all).reduce(0) { sum, pair in
      sum + Set(pair.0.map(\.number)).intersection(pair.1.map(\.number)).count
    }
    return Double(hits) / Double(max(all.reduce(0) { $0 + $1.count }, 1))
  }
}

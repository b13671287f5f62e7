// The nearest vectors by their cosine: all of them are compared, or those in the lists whose centroids are nearest.
//
// A rank sees blocks or lists of its own. Every score is summed in an order of its own (`Engine.byRow`), whatever the
// number of queries, ranks and threads, so that the best hits are the same everywhere.
import Base
import Collectives
import Kernels
import Tensors

struct VectorSearch {
  private let engine: Engine
  private let ranks: Ranks
  /// Rows that are compared at once, and queries.
  private static let block = 4096
  private static let queries = 256

  init(_ engine: Engine, _ ranks: Ranks) { (self.engine, self.ranks) = (engine.byRow, ranks) }

  /// The best chunks for each query, known to all ranks. Collective.
  /// - Parameters:
  ///   - queries: [n, width], each of length 1.
  ///   - count: how many chunks of each.
  ///   - probes: how many lists of a clustered part are looked through for each query; nil for all.
  func best(_ queries: [Float], width: Int, count: Int, in parts: [VectorPart], probes: Int?) throws
    -> [[ScoredChunk]]
  {
    let all = queries.count / width
    var result: [[ScoredChunk]] = []
    for first in stride(from: 0, to: all, by: Self.queries) {
      let rows = first..<min(first + Self.queries, all)
      let own = try ranks.together {
        try some(
          Array(queries[rows.lowerBound * width..<rows.upperBound * width]), width, count, parts, probes)
      }
      result += gathered(own, count: count)
    }
    return result
  }

  private func some(
    _ queries: [Float], _ width: Int, _ count: Int, _ parts: [VectorPart], _ probes: Int?
  ) throws -> [[ScoredChunk]] {
    var hits = [BestHits](repeating: BestHits(count: count), count: queries.count / width)
    var block = 0
    for part in parts where part.rows > 0 {
      try part.withRows { rows in
        if let probes, let clusters = part.clusters {
          return look(queries, width, part, rows, clusters, probes, &hits)
        }
        for first in stride(from: 0, to: part.rows, by: Self.block) {
          if block % ranks.count == ranks.rank {
            let range = first..<min(first + Self.block, part.rows)
            compare(queries, Array(hits.indices), width, rows[range], part.numbers[range], &hits)
          }
          block += 1
        }
      }
    }
    return hits.map(\.hits)
  }

  /// Compares some queries with some rows.
  /// - Parameters:
  ///   - queries: of these `places` among all, [places, width].
  private func compare(
    _ queries: [Float], _ places: [Int], _ width: Int, _ rows: Operand, _ numbers: ArraySlice<Int64>,
    _ hits: inout [BestHits]
  ) {
    let count = numbers.count
    let scores = UnsafeMutablePointer<Float>.allocate(capacity: places.count * count)
    defer { scores.deallocate() }
    queries.withUnsafeBufferPointer { queries in
      engine.multiply(
        .float32(ConstMatrix(queries.baseAddress!, rows: places.count, columns: width)), rows, .second,
        into: MutableMatrix(scores, rows: places.count, columns: count))
    }
    hits.withUnsafeMutableBufferPointer { hits in
      numbers.withUnsafeBufferPointer { numbers in
        // Each query has hits of its own.
        let (hits, numbers) = (Unshared(hits), Unshared(numbers))
        engine.pool.run(places.count) { query, _ in
          let row = scores + query * count
          let place = places[query]
          for index in 0..<count where row[index] >= hits.value[place].threshold && numbers.value[index] != 0
          {
            hits.value[place].offer(row[index], numbers.value[index])
          }
        }
      }
    }
  }

  /// Compares each query with the rows of the lists that are nearest to it.
  private func look(
    _ queries: [Float], _ width: Int, _ part: VectorPart, _ rows: VectorRows, _ clusters: VectorClusters,
    _ probes: Int, _ hits: inout [BestHits]
  ) {
    let asking = nearest(queries, width, clusters, probes)
    for list in asking.indices where list % ranks.count == ranks.rank && !asking[list].isEmpty {
      let range = clusters.starts[list]..<clusters.starts[list + 1]
      guard !range.isEmpty else { continue }
      let places = asking[list]
      let some = places.flatMap { queries[$0 * width..<($0 + 1) * width] }
      compare(some, places, width, rows[range], part.numbers[range], &hits)
    }
  }

  /// For each list, the queries that it is near to.
  private func nearest(
    _ queries: [Float], _ width: Int, _ clusters: VectorClusters, _ probes: Int
  ) -> [[Int]] {
    let count = queries.count / width
    var scores = [Float](repeating: 0, count: count * clusters.count)
    queries.withUnsafeBufferPointer { queries in
      clusters.centroids.withUnsafeBufferPointer { centroids in
        scores.withUnsafeMutableBufferPointer { scores in
          engine.multiply(
            .float32(ConstMatrix(queries.baseAddress!, rows: count, columns: width)),
            .float32(ConstMatrix(centroids.baseAddress!, rows: clusters.count, columns: width)), .second,
            into: MutableMatrix(scores.baseAddress!, rows: count, columns: clusters.count))
        }
      }
    }
    var asking = [[Int]](repeating: [], count: clusters.count)
    for query in 0..<count {
      var best = BestHits(count: probes)
      for list in 0..<clusters.count { best.offer(scores[query * clusters.count + list], Int64(list)) }
      for hit in best.hits { asking[Int(hit.number)].append(query) }
    }
    return asking
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

/// Memory of which each thread touches a part of its own.
private struct Unshared<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

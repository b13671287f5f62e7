// The nearest vectors by their cosine: all of them are compared, or those in the lists whose centroids are nearest.
//
// A rank sees blocks or lists of its own. The library multiplies them in an order that depends on the number of queries, so
// that its scores only say which vectors may be among the best. Of these, every score is summed in an order of its own
// (`Engine.byRow`), whatever the number of queries, ranks and threads: the best hits are the same everywhere.
import Base
import Collectives
import Kernels
import Tensors

struct VectorSearch {
  private let engine: Engine
  /// Sums scores in their own order.
  private let exact: Engine
  private let ranks: Ranks
  /// Rows that are compared at once, and queries.
  private static let block = 4096
  private static let queries = 256

  init(_ engine: Engine, _ ranks: Ranks) { (self.engine, exact, self.ranks) = (engine, engine.byRow, ranks) }

  /// For so few queries the library is no faster.
  private static let few = 8

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
            compare(queries, width, rows, range, part.numbers, &hits)
          }
          block += 1
        }
      }
    }
    return hits.map(\.hits)
  }

  /// Compares all queries with some rows.
  private func compare(
    _ queries: [Float], _ width: Int, _ rows: VectorRows, _ range: Range<Int>, _ numbers: [Int64],
    _ hits: inout [BestHits]
  ) {
    let (asked, count) = (hits.count, range.count)
    let scores = UnsafeMutablePointer<Float>.allocate(capacity: asked * count)
    defer { scores.deallocate() }
    // Two orders of a sum of products of vectors of length 1 differ by so much at most (Higham 2002, section 3.1).
    let slack = asked < Self.few ? 0 : Float(2 * width + 2) * 0x1p-24
    queries.withUnsafeBufferPointer { queries in
      let x = ConstMatrix(queries.baseAddress!, rows: asked, columns: width)
      (asked < Self.few ? exact : engine).multiply(
        .float32(x), rows[range], .second, into: MutableMatrix(scores, rows: asked, columns: count))
      hits.withUnsafeMutableBufferPointer { hits in
        // Each query has hits of its own.
        let hits = Unshared(hits)
        exact.pool.run(asked) { query, _ in
          let row = scores + query * count
          var index = 0
          while index < count {
            let end = min(index + 16, count)
            let least = hits.value[query].threshold - slack
            if end - index < 16 || Self.reaches(row + index, least) {
              for place in index..<end where row[place] >= least && numbers[range.lowerBound + place] != 0 {
                let score =
                  slack == 0
                  ? row[place] : self.score(x.base + query * width, width, rows, range.lowerBound + place)
                hits.value[query].offer(score, numbers[range.lowerBound + place])
              }
            }
            index = end
          }
        }
      }
    }
  }

  /// Whether one of 16 scores reaches a number.
  @inline(__always)
  private static func reaches(_ scores: UnsafePointer<Float>, _ least: Float) -> Bool {
    any(UnsafeRawPointer(scores).loadUnaligned(as: SIMD16<Float>.self) .>= least)
  }

  /// The score of a row, on the calling thread.
  private func score(_ x: UnsafePointer<Float>, _ width: Int, _ rows: VectorRows, _ row: Int) -> Float {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { wide in
      var score: Float = 0
      let y = rows.wide(row..<row + 1, into: wide.baseAddress!)
      exact.addProductHere(
        ConstMatrix(x, rows: 1, columns: width), y, .second, into: MutableMatrix(&score, rows: 1, columns: 1))
      return score
    }
  }

  /// Compares each query with the rows of the lists that are nearest to it.
  private func look(
    _ queries: [Float], _ width: Int, _ part: VectorPart, _ rows: VectorRows, _ clusters: VectorClusters,
    _ probes: Int, _ hits: inout [BestHits]
  ) {
    let near = nearest(queries, width, clusters, probes)
    let longest = zip(clusters.starts, clusters.starts.dropFirst()).map { $1 - $0 }.max() ?? 0
    queries.withUnsafeBufferPointer { queries in
      hits.withUnsafeMutableBufferPointer { hits in
        let (hits, queries) = (Unshared(hits), Unshared(queries))
        exact.pool.run(near.count) { query, _ in
          let scores = UnsafeMutablePointer<Float>.allocate(capacity: max(longest, 1))
          let wide = UnsafeMutablePointer<Float>.allocate(capacity: max(longest, 1) * width)
          defer {
            scores.deallocate()
            wide.deallocate()
          }
          let x = ConstMatrix(queries.value.baseAddress! + query * width, rows: 1, columns: width)
          for list in near[query] where list % ranks.count == ranks.rank {
            let range = clusters.starts[list]..<clusters.starts[list + 1]
            if range.isEmpty { continue }
            scores.update(repeating: 0, count: range.count)
            exact.addProductHere(
              x, rows.wide(range, into: wide), .second,
              into: MutableMatrix(scores, rows: 1, columns: range.count))
            for row in range where part.numbers[row] != 0 {
              hits.value[query].offer(scores[row - range.lowerBound], part.numbers[row])
            }
          }
        }
      }
    }
  }

  /// For each query, the lists whose centroids are nearest to it.
  private func nearest(
    _ queries: [Float], _ width: Int, _ clusters: VectorClusters, _ probes: Int
  ) -> [[Int]] {
    let count = queries.count / width
    var scores = [Float](repeating: 0, count: count * clusters.count)
    queries.withUnsafeBufferPointer { queries in
      clusters.centroids.withUnsafeBufferPointer { centroids in
        scores.withUnsafeMutableBufferPointer { scores in
          exact.multiply(
            .float32(ConstMatrix(queries.baseAddress!, rows: count, columns: width)),
            .float32(ConstMatrix(centroids.baseAddress!, rows: clusters.count, columns: width)), .second,
            into: MutableMatrix(scores.baseAddress!, rows: count, columns: clusters.count))
        }
      }
    }
    return (0..<count).map { query in
      var best = BestHits(count: probes)
      for list in 0..<clusters.count { best.offer(scores[query * clusters.count + list], Int64(list)) }
      return best.hits.map { Int($0.number) }
    }
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
struct Unshared<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

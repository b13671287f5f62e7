// The nearest vectors among those of one rank.
//
// The library multiplies all queries with blocks of rows in an order that depends on the number of queries, so that its scores only
// say which vectors may be among the best. Of these, every score is summed in an order of its own (`Engine.byRow`), whatever
// the number of queries, ranks and threads: the best hits are the same everywhere.
import Base
import Kernels
import Tensors

package struct VectorScan {
  private let engine: Engine
  /// Sums scores in their own order.
  let exact: Engine
  /// Which blocks and lists are looked through: each `count`-th one from number `rank` on.
  let rank: Int
  let count: Int
  /// Rows that are compared at once.
  private static let block = 4096
  /// For so few queries the library is no faster.
  private static let few = 8

  package init(_ engine: Engine, rank: Int = 0, of count: Int = 1) {
    (self.engine, exact, self.rank, self.count) = (engine, engine.byRow, rank, count)
  }

  /// How many queries are compared at once. A list is read once for all of them, so that many are worth while; the best hits of
  /// each take memory.
  static func queries(count: Int, _ reach: SearchReach) -> Int {
    reach == .all ? 256 : max(256, min(4096, (1 << 19) / max(count, 1)))
  }

  /// The best chunks for each query.
  /// - Parameter queries: [n, width], each of length 1.
  package func best(
    _ queries: [Float], width: Int, count: Int, in parts: [VectorPart], reach: SearchReach
  ) throws -> [[ScoredChunk]] {
    var hits = [BestHits](repeating: BestHits(count: count), count: queries.count / width)
    var block = 0
    for part in parts where part.rows > 0 {
      try part.withRows { rows in
        if case .lists(let probes) = reach, let clusters = part.clusters {
          return try part.withCodes(clusters, rows, exact) { codes in
            ListScan(self, clusters, codes, rows, numbers: part.numbers, width: width)
              .look(queries, probes: probes ?? clusters.probes, &hits)
          }
        }
        for first in stride(from: 0, to: part.rows, by: Self.block) {
          if block % self.count == rank {
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
    let slack = asked < Self.few ? 0 : Self.slack(width: width)
    queries.withUnsafeBufferPointer { queries in
      let x = ConstMatrix(queries.baseAddress!, rows: asked, columns: width)
      (asked < Self.few ? exact : engine).multiply(
        .float32(x), rows[range], .second, into: MutableMatrix(scores, rows: asked, columns: count))
      hits.withUnsafeMutableBufferPointer { hits in
        // Each query has hits of its own.
        let hits = Unshared(hits)
        exact.pool.run(asked) { query, _ in
          Self.forEachCandidate(
            scores + query * count, count: count, least: hits.value[query].threshold - slack
          ) {
            place, score in
            guard numbers[range.lowerBound + place] != 0 else { return }
            let score =
              slack == 0 ? score : Self.score(x.base + query * width, width, rows, range.lowerBound + place)
            hits.value[query].offer(score, numbers[range.lowerBound + place])
          }
        }
      }
    }
  }

  /// Calls `body` with each score that reaches what `least` says at that moment.
  @inline(__always)
  static func forEachCandidate(
    _ scores: UnsafePointer<Float>, count: Int, least: @autoclosure () -> Float,
    _ body: (_ place: Int, _ score: Float) -> Void
  ) {
    var index = 0
    while index < count {
      let end = min(index + 16, count)
      let bound = least()
      if end - index < 16
        || any(
          UnsafeRawPointer(scores + index).loadUnaligned(as: SIMD16<Float>.self) .>= bound)
      {
        for place in index..<end where scores[place] >= bound { body(place, scores[place]) }
      }
      index = end
    }
  }

  /// Two orders of a sum of products of vectors of length 1 differ by so much at most (Higham 2002, section 3.1).
  static func slack(width: Int) -> Float { Float(2 * width + 2) * 0x1p-24 }

  /// The score of a row, on the calling thread.
  static func score(_ x: UnsafePointer<Float>, _ width: Int, _ rows: VectorRows, _ row: Int) -> Float {
    rows.withRow(row) { rowProduct(x, $0, count: width) }
  }
}

/// Memory of which each thread touches a part of its own.
struct Unshared<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

// The nearest vectors in the lists whose centroids are nearest to a query.
//
// A list is read once for all queries that look through it, as bytes. As where all vectors are compared, these only say which rows
// may be among the best, whose scores are then summed in their own order: the hits are the best of all rows in the lists.
import Kernels

struct ListScan {
  private let scan: VectorScan
  private let clusters: VectorClusters
  private let codes: ListCodes
  private let rows: VectorRows
  private let numbers: [Int64]
  private let width: Int
  /// Blocks of a list, and queries, that are compared at once.
  private static let blocks = 32
  private static let visitors = 64

  /// - Parameter numbers: the chunk of each row; 0 where it is gone.
  init(
    _ scan: VectorScan, _ clusters: VectorClusters, _ codes: ListCodes, _ rows: VectorRows,
    numbers: [Int64], width: Int
  ) {
    (self.scan, self.clusters, self.codes, self.rows) = (scan, clusters, codes, rows)
    (self.numbers, self.width) = (numbers, width)
  }

  /// Offers the rows of the nearest lists to the hits of each query.
  /// - Parameter queries: [n, width].
  func look(_ queries: [Float], probes: Int, _ hits: inout [BestHits]) {
    let choice = ListChoice(scan.exact, clusters, width: width)
    let chosen = choice.nearest(queries, probes: probes) { $0 % scan.count == scan.rank }
    let bytes = QueryBytes(queries, width: width)
    let rooms = (0..<scan.exact.pool.threads).map { _ in Room() }
    let asked = hits.count
    // The best of its nearest list tell how good a row of the others must be, so that few of them are read in full.
    for nearest in [true, false] {
      let (starts, askers) = choice.askers(chosen, nearest: nearest)
      let lists = (0..<clusters.count).filter { starts[$0] < starts[$0 + 1] }
      // Each thread has hits of its own, of lists that it happened to take: the best of all do not depend on that.
      let before = hits.map(\.withoutHits)
      var found = rooms.flatMap { _ in before }
      queries.withUnsafeBufferPointer { queries in
        found.withUnsafeMutableBufferPointer { found in
          let (found, queries) = (Unshared(found), Unshared(queries))
          scan.exact.pool.run(lists.count) { tile, worker in
            let list = lists[tile]
            compare(
              list, askers[starts[list]..<starts[list + 1]], queries.value.baseAddress!, bytes,
              rooms[worker], found.value.baseAddress! + worker * asked)
          }
        }
      }
      for (place, some) in found.enumerated() {
        for hit in some.hits { hits[place % asked].insert(hit) }
      }
    }
  }

  /// Memory of a thread.
  private final class Room: @unchecked Sendable {
    let which: UnsafeMutablePointer<Int32> = .allocate(capacity: ListScan.visitors)
    let least: UnsafeMutablePointer<Int32> = .allocate(capacity: ListScan.visitors)
    let sums: UnsafeMutablePointer<Int32> = .allocate(capacity: ListScan.blocks * ByteRows.rows)
    let found: UnsafeMutablePointer<ByteRows.Found> = .allocate(
      capacity: ListScan.blocks * ListScan.visitors)

    deinit {
      which.deallocate()
      least.deallocate()
      sums.deallocate()
      found.deallocate()
    }
  }

  /// On the calling thread.
  private func compare(
    _ list: Int, _ askers: ArraySlice<ListAsker>, _ queries: UnsafePointer<Float>, _ bytes: QueryBytes,
    _ room: Room, _ hits: UnsafeMutablePointer<BestHits>
  ) {
    let blocks = codes.blocks[list]..<codes.blocks[list + 1]
    for first in stride(from: blocks.lowerBound, to: blocks.upperBound, by: Self.blocks) {
      let some = codes[first..<min(first + Self.blocks, blocks.upperBound)]
      let row = clusters.starts[list] + (first - blocks.lowerBound) * ByteRows.rows
      let range = row..<min(row + Self.blocks * ByteRows.rows, clusters.starts[list + 1])
      for start in stride(from: askers.startIndex, to: askers.endIndex, by: Self.visitors) {
        var count = 0
        for asker in askers[start..<min(start + Self.visitors, askers.endIndex)] {
          let query = Int(asker.query)
          let score = hits[query].threshold
          let least =
            score > -.infinity
            ? bytes.least(query, for: score, centroid: asker.score, codes.bounds[list])
            : least(query, count: hits[query].count, bytes, some, range, codes.bounds[list], room.sums)
          guard let least else { continue }
          (room.which[count], room.least[count]) = (asker.query, least)
          count += 1
        }
        let found = bytes.codes.withUnsafeBufferPointer { codes in
          some.find(codes.baseAddress!, room.which, least: room.least, count: count, into: room.found)
        }
        offer(UnsafeBufferPointer(start: room.found, count: found), range, queries, room.which, hits)
      }
    }
  }

  /// What the sum of a row must reach so that it may be among the best of these rows, where nothing else is known yet.
  private func least(
    _ query: Int, count: Int, _ bytes: QueryBytes, _ some: ByteRows, _ range: Range<Int>,
    _ bounds: ListCodes.Bounds, _ sums: UnsafeMutablePointer<Int32>
  ) -> Int32? {
    bytes.codes.withUnsafeBufferPointer {
      some.sums(with: $0.baseAddress! + query * ByteRows.vector(width), into: sums)
    }
    var there = 0
    for row in range where numbers[row] != 0 {
      sums[there] = sums[row - range.lowerBound]
      there += 1
    }
    guard there > count, count > 0 else { return .min }
    return bytes.least(query, besides: largest(count, of: sums, count: there), bounds)
  }

  /// Sums the scores of rows that may be among the best.
  /// - Parameter range: the rows that were looked through.
  private func offer(
    _ found: UnsafeBufferPointer<ByteRows.Found>, _ range: Range<Int>, _ queries: UnsafePointer<Float>,
    _ which: UnsafePointer<Int32>, _ hits: UnsafeMutablePointer<BestHits>
  ) {
    for (place, some) in found.enumerated() {
      // The processor does not foresee which rows these are.
      if place + Self.ahead < found.count {
        let next = found[place + Self.ahead]
        let row = range.lowerBound + Int(next.block) * ByteRows.rows + next.rows.trailingZeroBitCount
        if row < range.upperBound { rows.fetch(row) }
      }
      let query = Int(which[Int(some.vector)])
      var bits = some.rows
      while bits != 0 {
        let row = range.lowerBound + Int(some.block) * ByteRows.rows + bits.trailingZeroBitCount
        bits &= bits - 1
        // A list ends within a block.
        guard row < range.upperBound else { break }
        let number = numbers[row]
        guard number != 0 else { continue }
        hits[query].offer(VectorScan.score(queries + query * width, width, rows, row), number)
      }
    }
  }

  /// Blocks that are asked for ahead.
  private static let ahead = 4
}

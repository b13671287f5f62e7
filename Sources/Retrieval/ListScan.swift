// The nearest vectors in the lists whose centroids are nearest to a query.
//
// A list is read once for all queries that look through it. As where all vectors are compared, the library's scores only say which
// rows may be among the best.
import Kernels
import Tensors

struct ListScan {
  private let scan: VectorScan
  private let clusters: VectorClusters
  private let numbers: [Int64]
  private let width: Int
  /// Rows of a list, and queries, that are multiplied at once.
  private static let block = 512
  private static let visitors = 64
  /// Queries for which lists are chosen at once.
  private static let choosers = 256

  /// - Parameter numbers: the chunk of each row; 0 where it is gone.
  init(_ scan: VectorScan, _ clusters: VectorClusters, numbers: [Int64], width: Int) {
    (self.scan, self.clusters, self.numbers, self.width) = (scan, clusters, numbers, width)
  }

  /// Offers the rows of the nearest lists to the hits of each query.
  /// - Parameter queries: [n, width].
  func look(_ queries: [Float], _ rows: VectorRows, probes: Int, _ hits: inout [BestHits]) {
    var askers = [[Int32]](repeating: [], count: clusters.count)
    for (query, lists) in nearest(queries, probes: probes).enumerated() {
      for list in lists where list % scan.count == scan.rank { askers[list].append(Int32(query)) }
    }
    let lists = askers.indices.filter { !askers[$0].isEmpty && clusters.starts[$0] < clusters.starts[$0 + 1] }
    let asked = hits.count
    // Each thread has hits of its own, of lists that it happened to take: the best of all do not depend on that.
    var found = [BestHits](
      repeating: BestHits(count: hits.first?.count ?? 0), count: asked * scan.exact.pool.threads)
    let rooms = (0..<scan.exact.pool.threads).map { _ in Room(width: width) }
    queries.withUnsafeBufferPointer { queries in
      found.withUnsafeMutableBufferPointer { found in
        let (found, queries) = (Unshared(found), Unshared(queries))
        scan.exact.pool.run(lists.count) { tile, worker in
          compare(
            list: lists[tile], askers[lists[tile]], queries.value.baseAddress!, rows, rooms[worker],
            found.value.baseAddress! + worker * asked)
        }
      }
    }
    for query in 0..<asked {
      for worker in 0..<rooms.count {
        for hit in found[worker * asked + query].hits { hits[query].insert(hit) }
      }
    }
  }

  /// Memory of a thread.
  private final class Room: @unchecked Sendable {
    let wide: UnsafeMutablePointer<Float>
    let queries: UnsafeMutablePointer<Float>
    let scores: UnsafeMutablePointer<Float>

    init(width: Int) {
      wide = .allocate(capacity: ListScan.block * width)
      queries = .allocate(capacity: ListScan.visitors * width)
      scores = .allocate(capacity: ListScan.block * ListScan.visitors)
    }

    deinit {
      wide.deallocate()
      queries.deallocate()
      scores.deallocate()
    }
  }

  /// On the calling thread.
  private func compare(
    list: Int, _ askers: [Int32], _ queries: UnsafePointer<Float>, _ rows: VectorRows, _ room: Room,
    _ hits: UnsafeMutablePointer<BestHits>
  ) {
    let end = clusters.starts[list + 1]
    for first in stride(from: clusters.starts[list], to: end, by: Self.block) {
      let range = first..<min(first + Self.block, end)
      let y = rows.wide(range, into: room.wide)
      for start in stride(from: 0, to: askers.count, by: Self.visitors) {
        let some = askers[start..<min(start + Self.visitors, askers.count)]
        for (place, query) in some.enumerated() {
          (room.queries + place * width).update(from: queries + Int(query) * width, count: width)
        }
        let slack = scan.products(
          ConstMatrix(UnsafePointer(room.queries), rows: some.count, columns: width), y,
          into: MutableMatrix(room.scores, rows: some.count, columns: range.count))
        for (place, query) in some.enumerated() {
          let own = hits + Int(query)
          VectorScan.forEachCandidate(
            room.scores + place * range.count, count: range.count, least: own.pointee.threshold - slack
          ) { row, score in
            let number = numbers[range.lowerBound + row]
            guard number != 0 else { return }
            let exact =
              slack == 0
              ? score : scan.score(room.queries + place * width, width, rows, range.lowerBound + row)
            own.pointee.offer(exact, number)
          }
        }
      }
    }
  }

  /// For each query, the lists whose centroids are nearest to it.
  func nearest(_ queries: [Float], probes: Int) -> [[Int]] {
    let count = queries.count / width
    var near = [[Int]](repeating: [], count: count)
    for first in stride(from: 0, to: count, by: Self.choosers) {
      let size = min(Self.choosers, count - first)
      let scores = scores(queries[first * width..<(first + size) * width])
      scores.withUnsafeBufferPointer { scores in
        near.withUnsafeMutableBufferPointer { near in
          let (near, scores) = (Unshared(near), Unshared(scores))
          scan.exact.pool.run(size) { query, _ in
            var best = BestHits(count: probes)
            VectorScan.forEachCandidate(
              scores.value.baseAddress! + query * clusters.count, count: clusters.count,
              least: best.threshold
            ) { best.offer($1, Int64($0)) }
            near.value[first + query] = best.hits.map { Int($0.number) }
          }
        }
      }
    }
    return near
  }

  /// The cosines of queries and centroids, [n, lists].
  func scores(_ queries: ArraySlice<Float>) -> [Float] {
    let count = queries.count / width
    var scores = [Float](repeating: 0, count: count * clusters.count)
    queries.withUnsafeBufferPointer { queries in
      clusters.centroids.withUnsafeBufferPointer { centroids in
        scores.withUnsafeMutableBufferPointer { scores in
          scan.exact.multiply(
            .float32(ConstMatrix(queries.baseAddress!, rows: count, columns: width)),
            .float32(ConstMatrix(centroids.baseAddress!, rows: clusters.count, columns: width)), .second,
            into: MutableMatrix(scores.baseAddress!, rows: count, columns: clusters.count))
        }
      }
    }
    return scores
  }
}

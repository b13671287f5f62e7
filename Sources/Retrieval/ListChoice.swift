// Which lists a query looks through: those whose centroids are nearest to it.
import Kernels

/// A query that looks through a list.
struct ListAsker {
  let query: Int32
  /// The score of the list's centroid.
  let score: Float
}

struct ListChoice {
  /// Sums scores in their own order.
  private let engine: Engine
  private let clusters: VectorClusters
  private let width: Int
  /// Queries for which lists are chosen at once.
  private static let block = 256

  init(_ exact: Engine, _ clusters: VectorClusters, width: Int) {
    (engine, self.clusters, self.width) = (exact, clusters, width)
  }

  /// Lists of some queries.
  struct Chosen {
    fileprivate let probes: Int
    /// [queries, probes] Of each query first its nearest list, then the others as they are numbered.
    fileprivate var lists: [Int32]
    fileprivate var scores: [Float]
    /// [queries] How many of the lists are looked through here.
    fileprivate var counts: [Int]
  }

  /// For each query, those of the nearest lists that `isOwn` says are looked through here.
  /// - Parameter queries: [n, width]
  func nearest(_ queries: [Float], probes: Int, where isOwn: (_ list: Int) -> Bool) -> Chosen {
    let (count, probes) = (queries.count / width, min(probes, clusters.count))
    var chosen = Chosen(
      probes: probes, lists: [Int32](repeating: 0, count: count * probes),
      scores: [Float](repeating: 0, count: count * probes), counts: [Int](repeating: 0, count: count))
    let own = (0..<clusters.count).map { isOwn($0) && clusters.starts[$0] < clusters.starts[$0 + 1] }
    let rooms = (0..<engine.pool.threads).map { _ in Room(clusters.count) }
    for first in stride(from: 0, to: count, by: Self.block) {
      let size = min(Self.block, count - first)
      let scores = scores(queries[first * width..<(first + size) * width])
      scores.withUnsafeBufferPointer { scores in
        chosen.lists.withUnsafeMutableBufferPointer { lists in
          chosen.scores.withUnsafeMutableBufferPointer { near in
            chosen.counts.withUnsafeMutableBufferPointer { counts in
              let target = Unshared((lists: lists, scores: near, counts: counts))
              let scores = Unshared(scores)
              engine.pool.run(size) { query, worker in
                let (start, target) = ((first + query) * probes, target.value)
                target.counts[first + query] = choose(
                  scores.value.baseAddress! + query * clusters.count, probes, own, rooms[worker].keys,
                  target.lists.baseAddress! + start, target.scores.baseAddress! + start)
              }
            }
          }
        }
      }
    }
    return chosen
  }

  /// Memory of a thread.
  private final class Room: @unchecked Sendable {
    let keys: UnsafeMutablePointer<Int32>
    init(_ lists: Int) { keys = .allocate(capacity: lists) }
    deinit { keys.deallocate() }
  }

  /// - Returns: how many were written.
  private func choose(
    _ scores: UnsafePointer<Float>, _ probes: Int, _ own: [Bool], _ keys: UnsafeMutablePointer<Int32>,
    _ lists: UnsafeMutablePointer<Int32>, _ near: UnsafeMutablePointer<Float>
  ) -> Int {
    let count = clusters.count
    orderedBits(scores, count: count, into: keys)
    let least = largest(probes, of: keys, count: count)
    // Those that are nearer come first, and of equally near ones those with lower numbers.
    var places = probes - (least < .max ? countReaching(least + 1, in: keys, count: count) : 0)
    var (found, best, peak) = (0, 0, Int32.min)
    for list in 0..<count where keys[list] >= least {
      if keys[list] == least {
        guard places > 0 else { continue }
        places -= 1
      }
      guard own[list] else { continue }
      (lists[found], near[found]) = (Int32(list), scores[list])
      if keys[list] > peak { (best, peak) = (found, keys[list]) }
      found += 1
    }
    guard found > 0 else { return 0 }
    (lists[0], lists[best]) = (lists[best], lists[0])
    (near[0], near[best]) = (near[best], near[0])
    return found
  }

  /// Who looks through each list: for whom it is the nearest one, or the others.
  /// - Returns: [lists + 1] where the askers of each list begin, and the askers.
  func askers(_ chosen: Chosen, nearest: Bool) -> (starts: [Int], askers: [ListAsker]) {
    func forEach(_ body: (_ query: Int, _ place: Int) -> Void) {
      for (query, count) in chosen.counts.enumerated() {
        let start = query * chosen.probes
        for place in nearest ? start..<start + min(count, 1) : start + min(count, 1)..<start + count {
          body(query, place)
        }
      }
    }
    var starts = [Int](repeating: 0, count: clusters.count + 1)
    forEach { _, place in starts[Int(chosen.lists[place]) + 1] += 1 }
    for list in 0..<clusters.count { starts[list + 1] += starts[list] }
    var next = starts
    let askers = [ListAsker](unsafeUninitializedCapacity: starts[clusters.count]) { askers, filled in
      forEach { query, place in
        let list = Int(chosen.lists[place])
        askers[next[list]] = ListAsker(query: Int32(query), score: chosen.scores[place])
        next[list] += 1
      }
      filled = starts[clusters.count]
    }
    return (starts, askers)
  }

  /// The cosines of queries and centroids, [n, lists].
  func scores(_ queries: ArraySlice<Float>) -> [Float] {
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
    return scores
  }
}

// The best few of many scores.

package struct ScoredChunk: Equatable, Sendable {
  /// The number of the chunk in its index.
  package let number: Int64
  package let score: Double

  package init(_ number: Int64, _ score: Double) { (self.number, self.score) = (number, score) }

  /// Of equal scores, the chunk that was added first comes first.
  package static func precedes(_ a: ScoredChunk, _ b: ScoredChunk) -> Bool {
    a.score > b.score || (a.score == b.score && a.number < b.number)
  }
}

/// Keeps the best `count`, in order.
package struct BestHits {
  let count: Int
  package private(set) var hits: [ScoredChunk] = []
  /// What a score must reach; lower ones, and NaN, do not.
  package private(set) var threshold = -Float.infinity

  package init(count: Int) {
    self.count = count
    hits.reserveCapacity(count + 1)
  }

  /// Nothing yet, and takes what these would take.
  var withoutHits: BestHits {
    var empty = BestHits(count: count)
    empty.threshold = threshold
    return empty
  }

  @inline(__always)
  package mutating func offer(_ score: Float, _ number: Int64) {
    guard score >= threshold else { return }
    insert(ScoredChunk(number, Double(score)))
  }

  package mutating func insert(_ hit: ScoredChunk) {
    var (low, high) = (0, hits.count)
    while low < high {
      let middle = (low + high) / 2
      if ScoredChunk.precedes(hits[middle], hit) { low = middle + 1 } else { high = middle }
    }
    guard low < count else { return }
    hits.insert(hit, at: low)
    if hits.count > count { hits.removeLast() }
    if hits.count == count { threshold = max(threshold, Float(hits[count - 1].score)) }
  }
}

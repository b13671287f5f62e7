// The merging itself: of all neighbouring pairs, the one with the lowest rank is merged, and the leftmost of equal
// ones. Short words look at all pairs each time; long ones keep a queue, O(n log n).

/// A word's pieces and the scratch memory for merging them; nothing is allocated while it is large enough.
struct BPEMerger {
  /// Longer words use the queue.
  private static let fewPieces = 64

  private var ids: [Int32] = []
  private var ranks: [Int32] = []
  /// The neighbours of each piece of a long word.
  private var previous: [UInt32] = []
  private var next: [UInt32] = []
  private var queue: [UInt64] = []

  var count: Int { ids.count }
  var footprint: Int {
    (ids.capacity + ranks.capacity + previous.capacity + next.capacity) * 4 + queue.capacity * 8
  }

  /// The symbols so far.
  var symbols: [Int32] { ids }

  mutating func removeAll() { ids.removeAll(keepingCapacity: true) }
  mutating func reserve(_ count: Int) { if ids.capacity < count { ids.reserveCapacity(count * 2) } }
  @inline(__always) mutating func append(_ id: Int32) { ids.append(id) }

  mutating func merge(_ merges: MergeTable.Reader, into out: inout [Int32]) {
    if ids.count <= Self.fewPieces { mergeFew(merges) } else { mergeMany(merges) }
    out.append(contentsOf: ids)
  }

  private mutating func mergeFew(_ merges: MergeTable.Reader) {
    var count = ids.count
    guard count > 1 else { return }
    if ranks.count < Self.fewPieces { ranks = [Int32](repeating: .max, count: Self.fewPieces) }
    ids.withUnsafeMutableBufferPointer { ids in
      ranks.withUnsafeMutableBufferPointer { ranks in
        guard let ids = ids.baseAddress, let ranks = ranks.baseAddress else { return }
        for at in 0..<(count - 1) { ranks[at] = merges(ids[at], ids[at + 1]).rank }
        while count > 1 {
          var best = Int32.max
          var at = 0
          for index in 0..<(count - 1) where ranks[index] < best {
            best = ranks[index]
            at = index
          }
          if best == .max { break }
          ids[at] = merges(ids[at], ids[at + 1]).id
          count -= 1
          for index in (at + 1)..<max(count, at + 1) {
            ids[index] = ids[index + 1]
            ranks[index - 1] = ranks[index]
          }
          // The pairs on either side are new.
          if at + 1 < count { ranks[at] = merges(ids[at], ids[at + 1]).rank }
          if at > 0 { ranks[at - 1] = merges(ids[at - 1], ids[at]).rank }
        }
      }
    }
    ids.removeLast(ids.count - count)
  }

  private mutating func mergeMany(_ merges: MergeTable.Reader) {
    let count = ids.count
    let none = UInt32.max
    precondition(count < Int(none), "a word of 4 GiB must be cut before it is encoded")
    queue.removeAll(keepingCapacity: true)
    ranks = Self.sized(ranks, count)
    previous = Self.sized(previous, count)
    next = Self.sized(next, count)
    for at in 0..<count {
      previous[at] = at == 0 ? none : UInt32(at - 1)
      next[at] = at + 1 == count ? none : UInt32(at + 1)
      ranks[at] = at + 1 < count ? merges(ids[at], ids[at + 1]).rank : .max
      if ranks[at] < .max { queue.append(Self.entry(ranks[at], at)) }
    }
    heapify()
    while let entry = pop() {
      let at = Int(entry & 0xFF_FFFF_FFFF)
      // If a piece was merged away, or its right neighbour has changed, its pair has a new rank.
      guard ranks[at] == Int32(entry >> 40) else { continue }
      let right = Int(next[at])
      ids[at] = merges(ids[at], ids[right]).id
      ranks[right] = .max
      ids[right] = -1
      next[at] = next[right]
      ranks[at] = .max
      if next[at] != none {
        previous[Int(next[at])] = UInt32(at)
        rank(at, merges)
      }
      if previous[at] != none { rank(Int(previous[at]), merges) }
    }
    ids.removeAll { $0 < 0 }
  }

  /// Looks up the pair that starts at `at` and queues it.
  private mutating func rank(_ at: Int, _ merges: MergeTable.Reader) {
    ranks[at] = merges(ids[at], ids[Int(next[at])]).rank
    if ranks[at] < .max { push(Self.entry(ranks[at], at)) }
  }

  private static func entry(_ rank: Int32, _ at: Int) -> UInt64 { UInt64(rank) << 40 | UInt64(at) }

  private static func sized<T: FixedWidthInteger>(_ array: [T], _ count: Int) -> [T] {
    array.count >= count ? array : [T](repeating: 0, count: count)
  }
}

// The queue: a heap with four children per node, which touches less memory than one with two.
extension BPEMerger {
  private mutating func heapify() {
    guard queue.count > 1 else { return }
    for at in stride(from: (queue.count - 2) / 4, through: 0, by: -1) { sink(at) }
  }

  private mutating func pop() -> UInt64? {
    guard let top = queue.first else { return nil }
    let last = queue.removeLast()
    if !queue.isEmpty {
      queue[0] = last
      sink(0)
    }
    return top
  }

  private mutating func push(_ entry: UInt64) {
    queue.append(entry)
    var at = queue.count - 1
    while at > 0 {
      let parent = (at - 1) / 4
      guard queue[parent] > entry else { break }
      queue[at] = queue[parent]
      at = parent
    }
    queue[at] = entry
  }

  private mutating func sink(_ start: Int) {
    queue.withUnsafeMutableBufferPointer { queue in
      var at = start
      let entry = queue[at]
      while true {
        let first = at * 4 + 1
        guard first < queue.count else { break }
        var least = first
        for child in (first + 1)..<max(first + 1, min(first + 4, queue.count))
        where queue[child] < queue[least] {
          least = child
        }
        guard queue[least] < entry else { break }
        queue[at] = queue[least]
        at = least
      }
      queue[at] = entry
    }
  }
}

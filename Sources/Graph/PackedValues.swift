// Which activations wait for backward in fewer bytes or in a file, and when they are packed and unpacked.
import Kernels

struct PackedValues: Sendable {
  let keeping: ActivationKeeping
  /// For each value, whether backward sees what has been packed and unpacked.
  private(set) var isPacked: [Bool]
  /// For each entry of the schedule, the values that are unpacked before it, and packed after it.
  private(set) var unpackedBefore: [[Value]]
  private(set) var packedAfter: [[Value]]
  /// For each entry, the values that a file begins to be read for: so many bytes ahead of where they are unpacked.
  private(set) var fetchedBefore: [[Value]]
  private static let bytesAhead = 64 << 20

  /// Below this many columns, a value is a statistic or a head's result, and not worth it.
  private static let leastColumns = 16
  /// Values that wait for fewer entries stay as they are.
  private static let leastWait = 4

  /// - Parameter uses: for each entry, the values of first runs that it reads or writes.
  init(_ record: Record, _ order: RunOrder, uses: [[Value]], keeping: ActivationKeeping) {
    self.keeping = keeping
    isPacked = [Bool](repeating: false, count: record.values.count)
    unpackedBefore = [[Value]](repeating: [], count: order.entries.count)
    packedAfter = unpackedBefore
    fetchedBefore = unpackedBefore
    guard keeping.packs, let last = order.entries.indices.last else { return }
    var lastForward = [Int?](repeating: nil, count: record.values.count)
    var firstBackward = lastForward
    for (time, values) in uses.enumerated() {
      for value in values {
        if order.entries[time].isForward {
          lastForward[value.id] = time
        } else if firstBackward[value.id] == nil {
          firstBackward[value.id] = time
        }
      }
    }
    // The loss is computed from what forward has left.
    let exact = Set(uses[order.entries.firstIndex { !$0.isForward } ?? last].map(\.id))
    for node in record.nodes {
      for value in node.outputs where value.columns >= Self.leastColumns && !exact.contains(value.id) {
        guard var end = lastForward[value.id], let begin = firstBackward[value.id] else { continue }
        // Two entries that run together end together.
        if order.leads[end] { end += 1 }
        guard begin - end >= Self.leastWait else { continue }
        isPacked[value.id] = true
        packedAfter[end].append(value)
        unpackedBefore[begin].append(value)
      }
    }
    if keeping.offloads { fetchAhead(from: order.entries.firstIndex { !$0.isForward } ?? last) }
  }

  /// Floats that a value takes while it waits.
  func room(_ value: Value) -> Int { keeping.storage.room(value.count) }

  private mutating func fetchAhead(from backward: Int) {
    let waiting = unpackedBefore.enumerated().flatMap { time, values in
      values.map { (time: time, value: $0, bytes: room($0) * MemoryLayout<Float>.size) }
    }
    var (fetched, ahead) = (0, 0)
    func fetch(before time: Int) {
      while fetched < waiting.count, ahead < Self.bytesAhead {
        fetchedBefore[time].append(waiting[fetched].value)
        ahead += waiting[fetched].bytes
        fetched += 1
      }
    }
    fetch(before: backward)
    for next in waiting {
      ahead -= next.bytes
      fetch(before: next.time)
    }
  }
}

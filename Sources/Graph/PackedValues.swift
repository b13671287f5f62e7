// Which activations are kept in fewer bytes between forward and backward, and when they are packed and unpacked.
import Kernels

struct PackedValues: Sendable {
  let storage: ActivationStorage
  /// For each value, whether backward sees what has been packed and unpacked.
  private(set) var isPacked: [Bool]
  /// For each entry of the schedule, the values that are unpacked before it, and packed after it.
  private(set) var unpackedBefore: [[Value]]
  private(set) var packedAfter: [[Value]]

  /// Below this many columns, a value is a statistic or a head's result, and not worth it.
  private static let leastColumns = 16
  /// Values that wait for fewer entries stay as they are.
  private static let leastWait = 4

  /// - Parameter uses: for each entry, the values of first runs that it reads or writes.
  init(_ record: Record, _ order: RunOrder, uses: [[Value]], storage: ActivationStorage) {
    self.storage = storage
    isPacked = [Bool](repeating: false, count: record.values.count)
    unpackedBefore = [[Value]](repeating: [], count: order.entries.count)
    packedAfter = unpackedBefore
    guard storage != .float32, let last = order.entries.indices.last else { return }
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
  }
}

// Moves states between the disk and the update: reads them ahead of it and releases them behind it.
import Tensors

/// The part of each file that each range of an update needs, in the order of the update.
final class OffloadStream {
  /// How many bytes reading is ahead of the update.
  private static let ahead = 64 << 20

  private let files: [OffloadFile]
  /// [stretch][file], in bytes.
  private let ranges: [[Range<Int>]]
  private var fetched = 0
  private var bytesAhead = 0

  /// - Parameter parts: for each file, the part that each range needs.
  init(_ parts: [(file: OffloadFile, ranges: [Range<Int>?])]) {
    files = parts.map(\.file)
    let count = parts.first?.ranges.count ?? 0
    ranges = (0..<count).map { stretch in parts.map { $0.ranges[stretch] ?? 0..<0 } }
  }

  /// Call this before the first range is updated.
  func begin() {
    fetched = 0
    bytesAhead = 0
    fetch()
  }

  /// Call this after each range is updated, in order.
  func finish(stretch: Int) {
    for (file, range) in zip(files, ranges[stretch]) where !range.isEmpty {
      file.release(range)
      bytesAhead -= range.count
    }
    fetch()
  }

  private func fetch() {
    while fetched < ranges.count, bytesAhead < Self.ahead {
      for (file, range) in zip(files, ranges[fetched]) where !range.isEmpty {
        file.fetch(range)
        bytesAhead += range.count
      }
      fetched += 1
    }
  }
}

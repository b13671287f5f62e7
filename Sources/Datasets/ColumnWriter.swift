// Columns that are written from front to back, in memory or in files without names.
import Base

/// Where what is made of data lies.
enum ColumnSpace: Equatable, Sendable {
  case memory
  /// Beyond a little, in files of a folder that are gone with the process.
  case files(String)

  /// What to do where a folder has no room.
  static let hint = "set data.cache to a folder with room"
}

/// - Note: a full disk is told at the end, so that loops need not look after it.
struct ColumnWriter<Element: BitwiseCopyable & Sendable> {
  /// Elements that are written at once.
  private static var part: Int { 1 << 14 }
  /// The bytes of a column that lie in memory, where there is a folder for more.
  private static var inMemory: Int { 1 << 18 }

  private var elements: [Element] = []
  private let spool: ByteSpool?
  private var failure: (any Error)?
  private(set) var count = 0

  init(_ space: ColumnSpace) {
    switch space {
    case .memory: spool = nil
    case .files(let folder):
      spool = ByteSpool(
        for: "the order of the data", in: folder, inMemory: Self.inMemory, hint: ColumnSpace.hint)
    }
  }

  mutating func append(_ element: Element) {
    elements.append(element)
    count += 1
    if elements.count >= Self.part, spool != nil { flush() }
  }

  private mutating func flush() {
    guard let spool, failure == nil else { return }
    do {
      try elements.withUnsafeBytes { try spool.append($0) }
    } catch { failure = error }
    elements.removeAll(keepingCapacity: true)
  }

  /// - Throws: `UserError(.disk)` where there was no room.
  mutating func finish() throws -> Column<Element> {
    guard let spool else { return Column(elements) }
    flush()
    if let failure { throw failure }
    let all = try spool.finish()
    return Column(all, 0..<all.bytes.count)
  }
}

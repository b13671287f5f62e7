// Rows that wait on disk for a step that must see all of them first. Each rank keeps its own.
import Base
import Collectives

/// Rows of one rank. A round of all ranks together holds the rows that stand between those of the rounds around it.
protocol RowStore {
  /// Adds the rows of a round, in order.
  mutating func add(_ rows: [PreparedRow]) throws
  /// Collective.
  mutating func finish(_ ranks: Ranks) throws -> StoredRows
}

/// What was stored; it may be read several times.
struct StoredRows {
  fileprivate let bytes: SpooledBytes
  /// The parts of each round, one for each sorted run.
  fileprivate let rounds: [[Range<Int>]]
  fileprivate let isSorted: Bool

  var roundCount: Int { rounds.count }

  /// The rows of a round, in order.
  func round(_ number: Int) throws -> [PreparedRow] {
    var rows: [PreparedRow] = []
    for part in rounds[number] where !part.isEmpty {
      try PreparedRow.forEach(in: UnsafeRawBufferPointer(rebasing: bytes.bytes[part])) { head, line, _ in
        rows.append(try PreparedRow(head: head, line: line))
      }
      bytes.release(part)
    }
    guard !bytes.isBroken else {
      throw UserError(.disk, "rows that were kept could not be read: the disk of TMPDIR failed")
    }
    if isSorted { rows.sort { $0.order < $1.order } }
    return rows
  }
}

/// Rows that keep their order.
struct OrderedStore: RowStore {
  private let spool = ByteSpool(for: "the rows")
  private var rounds: [[Range<Int>]] = []
  private var end = 0

  mutating func add(_ rows: [PreparedRow]) throws {
    var bytes: [UInt8] = []
    for row in rows { row.write(to: &bytes) }
    try bytes.withUnsafeBytes { try spool.append($0) }
    rounds.append([end..<end + bytes.count])
    end += bytes.count
  }

  mutating func finish(_ ranks: Ranks) throws -> StoredRows {
    let bytes = try ranks.together { try spool.finish() }
    return StoredRows(bytes: bytes, rounds: rounds, isSorted: false)
  }
}

/// Rows that get the order of what was drawn for them: sorted runs, each cut by the first bits of the draw. A round is
/// made of the same cuts of all runs and ranks.
struct SortedStore: RowStore {
  /// Cuts of a run.
  private static let cuts = 4096
  private let runSize: Int
  private let roundSize: Int
  private let spool = ByteSpool(for: "the rows")
  private var waiting: [(order: RowOrder, range: Range<Int>)] = []
  private var buffer: [UInt8] = []
  /// Where each cut of each run begins, and the last one ends.
  private var runs: [[Int]] = []
  private var end = 0

  /// - Parameters:
  ///   - runSize: bytes that are sorted in memory.
  ///   - roundSize: bytes of all ranks that are read at once, where rows are short.
  init(runSize: Int = 32 << 20, roundSize: Int = 8 << 20) {
    (self.runSize, self.roundSize) = (runSize, roundSize)
  }

  mutating func add(_ rows: [PreparedRow]) throws {
    for row in rows {
      let start = buffer.count
      row.write(to: &buffer)
      waiting.append((row.order, start..<buffer.count))
      if buffer.count >= runSize { try writeRun() }
    }
  }

  private mutating func writeRun() throws {
    waiting.sort { $0.order < $1.order }
    var starts: [Int] = []
    var sorted: [UInt8] = []
    sorted.reserveCapacity(buffer.count)
    for row in waiting {
      let cut = Int(row.order.place >> 52)
      while starts.count <= cut { starts.append(end + sorted.count) }
      sorted.append(contentsOf: buffer[row.range])
    }
    try sorted.withUnsafeBytes { try spool.append($0) }
    end += sorted.count
    while starts.count <= Self.cuts { starts.append(end) }
    runs.append(starts)
    waiting.removeAll(keepingCapacity: true)
    buffer.removeAll(keepingCapacity: true)
  }

  mutating func finish(_ ranks: Ranks) throws -> StoredRows {
    let bytes = try ranks.together {
      if !waiting.isEmpty { try writeRun() }
      buffer = []
      return try spool.finish()
    }
    var sizes = (0..<Self.cuts).map { cut -> Int64 in
      runs.reduce(0) { sum, run in sum + Int64(run[cut + 1] - run[cut]) }
    }
    ranks.add(&sizes)
    var rounds: [[Range<Int>]] = []
    var first = 0
    var size = 0
    for cut in 0..<Self.cuts {
      size += Int(sizes[cut])
      guard size >= roundSize || cut == Self.cuts - 1 else { continue }
      rounds.append(runs.map { $0[first]..<$0[cut + 1] })
      (first, size) = (cut + 1, 0)
    }
    return StoredRows(bytes: bytes, rounds: rounds, isSorted: true)
  }
}

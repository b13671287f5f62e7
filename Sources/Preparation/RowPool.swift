// A bounded choice of all rows that pass, the same at every number of ranks.
import Base
import Collectives

/// Keeps the rows with the smallest random draws.
struct RowPool {
  private let limit: Int
  private var rows: [(draw: UInt64, row: PreparedRow)] = []

  init(limit: Int) { self.limit = limit }

  mutating func add(_ row: PreparedRow, draw: UInt64) {
    rows.append((draw, row))
    if rows.count >= 2 * limit { cut() }
  }

  private mutating func cut() {
    rows.sort { ($0.draw, $0.row.order) < ($1.draw, $1.row.order) }
    rows.removeLast(max(0, rows.count - limit))
  }

  /// The chosen rows of all ranks, in their order, on every rank. Collective.
  mutating func gathered(_ ranks: Ranks) throws -> [PreparedRow] {
    cut()
    var bytes: [UInt8] = []
    for (_, row) in rows { row.write(to: &bytes) }
    let draws = ranks.gather(words: rows.map(\.draw))
    var all: [(draw: UInt64, row: PreparedRow)] = []
    for (rank, theirs) in ranks.gather(bytes: bytes).enumerated() {
      var number = 0
      try theirs.withUnsafeBytes {
        try PreparedRow.forEach(in: $0) { head, line, _ in
          all.append((draws[rank][number], try PreparedRow(head: head, line: line)))
          number += 1
        }
      }
    }
    all.sort { ($0.draw, $0.row.order) < ($1.draw, $1.row.order) }
    return all.prefix(limit).map(\.row).sorted { $0.order < $1.order }
  }
}

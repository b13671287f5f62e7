// Rows that were seen, found again by a hash of what they say.

/// Keeps some fifty bytes of a row, up to a limit; rows behind it are compared and not kept.
struct SeenRows<Value> {
  /// So many rows are kept.
  static var most: Int { 4_000_000 }

  private(set) var rows: [RowHash: Value] = [:]
  var isFull: Bool { rows.count >= Self.most }

  subscript(_ hash: RowHash) -> Value? { rows[hash] }

  /// Keeps a row, or changes what is kept of it.
  mutating func keep(
    _ hash: RowHash, _ value: @autoclosure () -> Value, change: (inout Value) -> Void = { _ in }
  ) {
    if rows[hash] != nil { change(&rows[hash]!) } else if !isFull { rows[hash] = value() }
  }
}

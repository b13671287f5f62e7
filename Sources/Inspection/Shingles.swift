// The shingles of rows, without those that a template writes into many of them.
import Metrics

/// Holds rows back until enough are there to tell what is a template's.
struct Shingles<Row> {
  /// Rows that decide what is common.
  private static var deciding: Int { 512 }
  /// Shingles of at least this share of them, and of at least so many rows, are common.
  private static var share: Double { 0.05 }
  private static var fewest: Int { 10 }

  private var waiting: [(row: Row, shingles: [UInt64])] = []
  private var common: Set<UInt64>?

  /// Takes a row, and gives those that are ready.
  mutating func add(_ row: Row, _ words: [[UInt64]], _ ready: (Row, [UInt64]) -> Void) {
    let shingles = words.flatMap(MinHash.shingles)
    if let common { return ready(row, Self.own(shingles, common)) }
    waiting.append((row, shingles))
    if waiting.count >= Self.deciding { finish(ready) }
  }

  /// Gives the rows that wait.
  mutating func finish(_ ready: (Row, [UInt64]) -> Void) {
    guard common == nil else { return }
    var rows: [UInt64: Int] = [:]
    for entry in waiting { for shingle in Set(entry.shingles) { rows[shingle, default: 0] += 1 } }
    let limit = max(Self.fewest, Int(Self.share * Double(waiting.count)))
    let found = Set(rows.filter { $0.value >= limit }.keys)
    common = found
    for entry in waiting { ready(entry.row, Self.own(entry.shingles, found)) }
    waiting = []
  }

  /// What is left without the common ones; all where that is little, since such a row is nothing but what others say.
  private static func own(_ shingles: [UInt64], _ common: Set<UInt64>) -> [UInt64] {
    let own = shingles.filter { !common.contains($0) }
    return own.count * 5 >= shingles.count ? own : shingles
  }
}

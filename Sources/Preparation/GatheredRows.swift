// What all ranks know about the rows of a round, in the order of the rows.
import Base
import Collectives

/// Some numbers that a rank tells all others about one of its rows.
struct GatheredRow {
  var order: RowOrder
  /// The rank that has the row, and its place among that rank's rows.
  var rank: Int
  var place: Int
  var words: ArraySlice<UInt64>
}

extension Ranks {
  /// Collective.
  /// - Parameter words: of each row of this rank.
  func gather(_ rows: [PreparedRow], words: [[UInt64]]) -> [GatheredRow] {
    var mine: [UInt64] = []
    for (row, words) in zip(rows, words) {
      mine += [row.order.place, row.order.row, row.order.copy, UInt64(words.count)]
      mine += words
    }
    var all: [GatheredRow] = []
    for (rank, theirs) in gather(words: mine).enumerated() {
      var at = 0
      var place = 0
      while at < theirs.count {
        var order = RowOrder(row: Int(theirs[at + 1]))
        (order.place, order.copy) = (theirs[at], theirs[at + 2])
        let end = at + 4 + Int(theirs[at + 3])
        all.append(GatheredRow(order: order, rank: rank, place: place, words: theirs[at + 4..<end]))
        at = end
        place += 1
      }
    }
    all.sort { $0.order < $1.order }
    return all
  }

  /// The bytes of all ranks, by rank. Collective.
  func gather(bytes: [UInt8]) -> [[UInt8]] {
    var words = [UInt64](repeating: 0, count: 1 + (bytes.count + 7) / 8)
    words[0] = UInt64(bytes.count)
    words.withUnsafeMutableBytes { $0[8..<8 + bytes.count].copyBytes(from: bytes) }
    return gather(words: words).map { words in
      words.withUnsafeBytes { Array($0[8..<8 + Int(words[0])]) }
    }
  }

  /// The words of all ranks, by rank: a number's bits arrive as they were sent. Collective.
  func gather(words: [UInt64]) -> [[UInt64]] {
    gather(words.map { Double(bitPattern: $0) }).map { $0.map(\.bitPattern) }
  }
}

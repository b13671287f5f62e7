// Rows of tables that ranks of other hosts look up first, ahead of the tables.
import Collectives
import Tensors

/// A forward pass begins with a few rows of the table of embeddings, and a table takes long between hosts. Every rank
/// knows the tokens of all first micro-batches, so that owners send those rows without being asked, and the table
/// itself comes behind all other weights.
final class RowExchange {
  private let map: ShardMap
  private let weights: WeightLine
  private let ranks: Ranks
  private let tables: [Table]
  /// The parts of rows that this rank sends and receives, by the other rank.
  private var sent: [Parts]
  private var received: [Parts]
  /// For each rank, its place in both; nil for those of this host.
  private let places: [Int?]
  private var outgoing = FlatMemory(count: 0, label: "rows")
  private var incoming = FlatMemory(count: 0, label: "rows")
  private let departures: Transfers
  private let arrivals: Transfers
  /// Whether rows have been received that are not in the line yet.
  private var isUnpacked = true
  /// For each token of the largest table, whether the rank that is added looks it up already.
  private var isSeen: [Bool]

  private struct Table {
    let range: Range<Int>
    let columns: Int
    let buckets: Range<Int>
  }

  private struct Parts {
    let rank: Int
    var ranges: [Range<Int>] = []
    var count = 0

    /// Adds the part of a row that lies in a slice.
    mutating func add(_ row: Range<Int>, within slice: Range<Int>) {
      let part = slice.clamped(to: row)
      guard !part.isEmpty else { return }
      ranges.append(part)
      count += part.count
    }
  }

  init(_ map: ShardMap, _ weights: WeightLine, _ ranks: Ranks) {
    self.map = map
    self.weights = weights
    self.ranks = ranks
    let layout = map.layout
    tables = layout.tablesByRow.map { index in
      let parameter = layout.parameters[index]
      let segment = layout.segments.first { $0.range == parameter.range }!
      return Table(
        range: parameter.range, columns: parameter.spec.shape.last ?? 1, buckets: segment.buckets)
    }
    let others = ranks.hostOf.indices.filter { ranks.hostOf[$0] != ranks.hostOf[ranks.rank] }
    var places = [Int?](repeating: nil, count: ranks.count)
    for (place, rank) in others.enumerated() { places[rank] = place }
    self.places = places
    sent = others.map { Parts(rank: $0) }
    received = others.map { Parts(rank: $0) }
    departures = ranks.transfers()
    arrivals = ranks.transfers()
    isSeen = [Bool](repeating: false, count: tables.map { $0.range.count / $0.columns }.max() ?? 0)
  }

  /// Whether this rank sends rows to another one, or receives its own.
  func concerns(_ rank: Int) -> Bool {
    rank == ranks.rank || ranks.hostOf[rank] != ranks.hostOf[ranks.rank]
  }

  /// Forgets the rows of the last step, which have arrived everywhere.
  func begin() {
    departures.wait()
    for other in sent.indices {
      sent[other].ranges.removeAll(keepingCapacity: true)
      received[other].ranges.removeAll(keepingCapacity: true)
      (sent[other].count, received[other].count) = (0, 0)
    }
  }

  /// Adds the rows that a rank looks up first; all ranks add the same of it.
  func add(_ tokens: [Int32], of rank: Int) {
    for token in tokens where token >= 0 && Int(token) < isSeen.count && !isSeen[Int(token)] {
      isSeen[Int(token)] = true
      for table in tables {
        let start = table.range.lowerBound + Int(token) * table.columns
        add(start..<min(start + table.columns, table.range.upperBound), of: table, for: rank)
      }
    }
    for token in tokens where token >= 0 && Int(token) < isSeen.count { isSeen[Int(token)] = false }
  }

  private func add(_ row: Range<Int>, of table: Table, for rank: Int) {
    guard !row.isEmpty else { return }
    let width = map.layout.buckets[table.buckets.lowerBound].count
    var bucket = table.buckets.lowerBound + (row.lowerBound - table.range.lowerBound) / width
    while bucket < table.buckets.upperBound, map.layout.buckets[bucket].lowerBound < row.upperBound {
      let slices = map.slices[bucket]
      if rank == ranks.rank {
        for other in received.indices { received[other].add(row, within: slices[received[other].rank]) }
      } else if let other = places[rank] {
        sent[other].add(row, within: slices[ranks.rank])
      }
      bucket += 1
    }
  }

  /// Sends all rows, and asks for those of this rank.
  /// - Parameter tag: one that no other message has.
  func start(tag: Int) {
    let bytes = weights.type.bytes
    reserve(&outgoing, sent.reduce(0) { $0 + $1.count } * bytes)
    reserve(&incoming, received.reduce(0) { $0 + $1.count } * bytes)
    var place = UnsafeMutableRawPointer(incoming.base)
    for parts in received {
      forEachPiece(place, parts.count * bytes) { arrivals.receive($0, count: $1, from: parts.rank, tag: tag) }
      place += parts.count * bytes
    }
    place = UnsafeMutableRawPointer(outgoing.base)
    for parts in sent {
      var end = place
      for range in parts.ranges {
        end.copyMemory(from: weights.address(range.lowerBound), byteCount: range.count * bytes)
        end += range.count * bytes
      }
      forEachPiece(place, end - place) { departures.send($0, count: $1, to: parts.rank, tag: tag) }
      place = end
    }
    isUnpacked = false
  }

  private func reserve(_ memory: inout FlatMemory, _ bytes: Int) {
    if memory.count * 4 < bytes { memory = FlatMemory(count: (bytes + 3) / 4, label: "rows") }
  }

  private func forEachPiece(
    _ start: UnsafeMutableRawPointer, _ bytes: Int, _ body: (UnsafeMutableRawPointer, Int) -> Void
  ) {
    for first in stride(from: 0, to: bytes, by: WeightOrder.pieceBytes) {
      body(start + first, min(WeightOrder.pieceBytes, bytes - first))
    }
  }

  /// Whether this rank's rows are in the line, and all that it sends is away. Lets messages progress.
  var isDone: Bool {
    let haveCome = haveCome
    return departures.isDone && haveCome
  }

  /// Whether this rank's rows are in the line. The table brings the same numbers once more.
  var haveCome: Bool {
    guard !isUnpacked else { return true }
    guard arrivals.isDone else { return false }
    let bytes = weights.type.bytes
    var place = UnsafeRawPointer(incoming.base)
    for range in received.lazy.flatMap(\.ranges) {
      weights.address(range.lowerBound).copyMemory(from: place, byteCount: range.count * bytes)
      place += range.count * bytes
    }
    isUnpacked = true
    return true
  }
}

extension ParameterLayout {
  /// The parameters that rows are sent of: those that tokens choose rows from, and that are more than a bucket.
  package var tablesByRow: [Int] {
    segments.compactMap { segment in
      guard segment.buckets.count > 1 else { return nil }
      return parameters.firstIndex { $0.range == segment.range && $0.spec.isLookedUp }
    }
  }
}

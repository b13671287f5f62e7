// Rows in blocks of one length by best-fit decreasing, so that little of a block is padding.
//
// "Fewer Truncations Improve Language Modeling" (arXiv 2404.10830): the longest rows are placed first, each in the block
// that it fills up most. Blocks come in the order of their first rows, so that the result follows from the rows alone.

/// Lists of rows and blocks are chains of numbers, of which there are four for each row.
struct BestFit {
  private static let none: Int32 = -1
  /// The block of each row.
  private let blockOfRow: SampleList
  /// How many blocks there are.
  private(set) var blocks = 0

  /// - Parameters:
  ///   - rows: how many there are.
  ///   - size: of a row, none larger than a block.
  init(_ rows: Int, size: (Int) -> Int, length: Int, in space: ColumnSpace) throws {
    blockOfRow = try SampleList(count: rows, in: space)
    var bySize = [Int32](repeating: Self.none, count: length + 1)
    let nextOfSize = try SampleList(count: rows, in: space)
    // The chain of a size goes from its first row to its last.
    for row in (0..<rows).reversed() {
      let size = size(row)
      precondition(size <= length, "a row must be cut before it is packed")
      nextOfSize[row] = bySize[size]
      bySize[size] = Int32(row)
    }
    /// For each number of free places, the block that was left with so many last.
    var withRoom = [Int32](repeating: Self.none, count: length + 1)
    let nextWithRoom = try SampleList(count: rows, in: space)
    for size in (0...length).reversed() {
      var row = bySize[size]
      while row != Self.none {
        let block: Int32
        var left = length - size
        if let room = (size...length).first(where: { withRoom[$0] != Self.none }) {
          block = withRoom[room]
          withRoom[room] = nextWithRoom[Int(block)]
          left = room - size
        } else {
          block = Int32(blocks)
          blocks += 1
        }
        nextWithRoom[Int(block)] = withRoom[left]
        withRoom[left] = block
        blockOfRow[Int(row)] = block
        row = nextOfSize[Int(row)]
      }
    }
    for list in [nextOfSize, nextWithRoom] { try list.check() }
  }

  /// Calls `body` with the rows of each block.
  func forEachBlock(in space: ColumnSpace, _ body: ([Int]) -> Void) throws {
    let rows = blockOfRow.count
    let first = try SampleList(count: blocks, in: space)
    let next = try SampleList(count: rows, in: space)
    for block in 0..<blocks { first[block] = Self.none }
    for row in (0..<rows).reversed() {
      let block = Int(blockOfRow[row])
      next[row] = first[block]
      first[block] = Int32(row)
    }
    for row in 0..<rows where first[Int(blockOfRow[row])] == Int32(row) {
      var members: [Int] = []
      var member = Int32(row)
      while member != Self.none {
        members.append(Int(member))
        member = next[Int(member)]
      }
      body(members)
    }
    for list in [blockOfRow, first, next] { try list.check() }
  }
}

extension TokenSequences {
  /// Puts whole rows into blocks, wherever they fill them best. No row may be longer than `length`.
  mutating func fitRows(into length: Int, in space: ColumnSpace) throws {
    precondition(kind == .nextTokens && !hasTypes, "rows that are learned as they are stay apart")
    let fit = try BestFit(count, size: { self.length(of: $0) }, length: length, in: space)
    var writer = SequenceWriter(space, from: [index])
    writer.hasScatteredTargets = index.hasScatteredTargets
    try fit.forEachBlock(in: space) { rows in
      for row in rows { writer.addSpans(of: row, from: index) }
      writer.endSequence(units: rows.reduce(0) { $0 + targetCounts[$1] })
      if writer.count % Self.releasedAtOnce == 0 { index.release() }
    }
    let before = index
    index = try writer.finish()
    index.longest = before.longest
    blockLength = length
  }
}

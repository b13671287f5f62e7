// Rows in blocks of one length by best-fit decreasing, so that little of a block is padding.
//
// "Fewer Truncations Improve Language Modeling" (arXiv 2404.10830): the longest rows are placed first, each in the block
// that it fills up most. Blocks come in the order of their first rows, so that the result follows from the rows alone.

enum BestFit {
  /// - Parameter sizes: of the rows, none larger than a block.
  /// - Returns: the rows of each block.
  static func blocks(of sizes: [Int], length: Int) -> [[Int]] {
    var blocks: [[Int]] = []
    /// For each number of free places, the blocks that have so many.
    var withRoom = [[Int]](repeating: [], count: length + 1)
    let rows = sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    for row in rows {
      let size = sizes[row]
      precondition(size <= length, "a row must be cut before it is packed")
      let block: Int
      if let room = (size...length).first(where: { !withRoom[$0].isEmpty }) {
        block = withRoom[room].removeLast()
        withRoom[room - size].append(block)
      } else {
        block = blocks.count
        blocks.append([])
        withRoom[length - size].append(block)
      }
      blocks[block].append(row)
    }
    for block in blocks.indices { blocks[block].sort() }
    return blocks.sorted { $0[0] < $1[0] }
  }
}

extension TokenSequences {
  /// Puts whole rows into blocks, wherever they fill them best. No row may be longer than `length`.
  mutating func fitRows(into length: Int) {
    precondition(kind == .nextTokens && !hasTypes, "rows that are learned as they are stay apart")
    let blocks = BestFit.blocks(of: (0..<count).map { self.length(of: $0) }, length: length)
    var ordered = TokenSequences(files: files)
    var first = [0]
    var counts: [Int32] = []
    for block in blocks {
      for row in block { ordered.append(sequence: row, of: self) }
      first.append(ordered.spanSources.count)
      counts.append(block.reduce(0) { $0 + targetCounts[$1] })
    }
    self = ordered
    firstSpans = first
    targetCounts = counts
    blockLength = length
  }
}

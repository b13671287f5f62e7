// How documents and rows become blocks of one length.

extension TokenSequences {
  /// Joins all documents into one stream and cuts it into blocks (the usual way for plain text).
  ///
  /// A document may begin in one block and go on in the next; each part is then a span of its own. The end of a
  /// document predicts the first token of the next one if that token carries a loss.
  /// - Parameter keepsRest: whether the rest becomes a last, shorter block.
  /// - Returns: how many tokens at the end were too few for a block and are dropped.
  mutating func joinIntoBlocks(of length: Int, keepsRest: Bool) -> Int {
    precondition(length >= 2, "a block of one token has nothing to predict")
    precondition(kind == .nextTokens && !hasTypes, "rows that are learned as they are stay apart")
    let blocks = keepsRest ? (tokens.count + length - 1) / length : tokens.count / length
    let kept = min(blocks * length, tokens.count)
    let dropped = tokens.count - kept
    var starts: [Int] = []
    var sources: [SampleSource] = []
    var first: [Int] = [0]
    var counts = [Int32](repeating: Int32(clamping: length - 1), count: blocks)
    if kept < blocks * length { counts[blocks - 1] = Int32(clamping: kept % length - 1) }
    starts.reserveCapacity(spanSources.count + blocks + 1)
    sources.reserveCapacity(spanSources.count + blocks)
    first.reserveCapacity(blocks + 1)
    for document in 0..<spanSources.count {
      let range = tokenRange(ofSpan: document)
      var start = range.lowerBound
      if start < kept, start % length != 0, !lossMask[start] { counts[start / length] -= 1 }
      while start < min(range.upperBound, kept) {
        if start % length == 0, start > 0 { first.append(starts.count) }
        starts.append(start)
        sources.append(spanSources[document])
        start = (start / length + 1) * length
      }
    }
    if blocks > 0 { first.append(starts.count) }
    starts.append(kept)
    tokens.removeLast(dropped)
    lossMask.truncate(to: kept)
    spanStarts = starts
    spanSources = sources
    firstSpans = first
    targetCounts = counts
    blockLength = length
    return dropped
  }

  /// Puts whole rows into blocks, one after another in file order; a row that does not fit opens the
  /// next block, and the rest of the block is padding.
  ///
  /// Greedy rather than first-fit: a block is then a range of the file, which costs no second copy of
  /// the tokens and lets a block be named by its lines. No row may be longer than `length`.
  mutating func packRows(into length: Int) {
    precondition(kind == .nextTokens && !hasTypes, "rows that are learned as they are stay apart")
    var first: [Int] = [0]
    var counts: [Int32] = []
    var used = 0
    for row in 0..<count {
      let size = self.length(of: row)
      precondition(size <= length, "a row must be cut before it is packed")
      if counts.isEmpty || used + size > length {
        if !counts.isEmpty { first.append(firstSpans[row]) }
        counts.append(0)
        used = 0
      }
      used += size
      counts[counts.count - 1] += targetCounts[row]
    }
    if !counts.isEmpty { first.append(spanSources.count) }
    firstSpans = first
    targetCounts = counts
    blockLength = length
  }
}

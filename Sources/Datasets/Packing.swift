// How documents and rows become blocks of one length.

extension TokenSequences {
  /// Joins all documents into one stream and cuts it into blocks (the usual way for plain text).
  ///
  /// A document may begin in one block and go on in the next; each part is then a span of its own. The end of a
  /// document predicts the first token of the next one if that token carries a loss.
  /// - Parameter keepsRest: whether the rest becomes a last, shorter block.
  /// - Returns: how many tokens at the end were too few for a block and are dropped.
  mutating func joinIntoBlocks(of length: Int, keepsRest: Bool, in space: ColumnSpace) throws -> Int {
    precondition(length >= 2, "a block of one token has nothing to predict")
    precondition(kind == .nextTokens && !hasTypes, "rows that are learned as they are stay apart")
    let blocks = keepsRest ? (tokenCount + length - 1) / length : tokenCount / length
    let kept = min(blocks * length, tokenCount)
    let dropped = tokenCount - kept
    var writer = SequenceWriter(space, from: [index])
    writer.hasScatteredTargets = index.hasScatteredTargets
    /// Units of the loss of the block that is being filled.
    var units = 0
    for document in 0..<index.spans.count {
      let (range, place) = (index.spans.range(of: document), index.spans.place(of: document))
      var start = range.lowerBound
      if start < kept, start % length != 0, !store.chunks[place.chunk].lossMask[place.offset] { units -= 1 }
      while start < min(range.upperBound, kept) {
        let end = min(range.upperBound, (start / length + 1) * length, kept)
        writer.addSpan(
          TokenPlace(chunk: place.chunk, offset: place.offset + start - range.lowerBound),
          length: end - start, zeroTypes: end - start, index.sources[document])
        start = end
        if end % length == 0 || end == kept {
          writer.endSequence(units: Int32(clamping: units + (end - 1) % length))
          units = 0
        }
      }
      if document % Self.releasedAtOnce == 0 {
        index.release()
        store.release()
      }
    }
    let before = index
    index = try writer.finish()
    index.longest = before.longest
    blockLength = length
    return dropped
  }

  /// Puts whole rows into blocks, one after another in file order; a row that does not fit opens the
  /// next block, and the rest of the block is padding.
  ///
  /// Greedy rather than first-fit: a block is then a range of the file, and can be named by its lines. No row may be
  /// longer than `length`.
  mutating func packRows(into length: Int, in space: ColumnSpace) throws {
    precondition(kind == .nextTokens && !hasTypes, "rows that are learned as they are stay apart")
    var first = ColumnWriter<Int>(space)
    var counts = ColumnWriter<Int32>(space)
    var (used, units, isOpen) = (0, 0 as Int32, false)
    first.append(0)
    for row in 0..<count {
      let size = self.length(of: row)
      precondition(size <= length, "a row must be cut before it is packed")
      if isOpen, used + size > length {
        first.append(spans(of: row).lowerBound)
        counts.append(units)
        (used, units) = (0, 0)
      }
      isOpen = true
      used += size
      units += targetCounts[row]
      if row % Self.releasedAtOnce == 0 { index.release() }
    }
    if isOpen {
      first.append(index.spans.count)
      counts.append(units)
    }
    index.firstSpans = try first.finish()
    index.targetCounts = try counts.finish()
    blockLength = length
  }
}

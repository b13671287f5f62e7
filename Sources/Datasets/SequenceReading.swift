// How sequences grow while files are read: tokens go behind those that are there, in one chunk in memory.

extension TokenSequences {
  /// Adds one sequence of one span.
  /// - Parameter firstTarget: predicting tokens before this one does not count. With 0 even the first token counts,
  ///   as it must for documents that are joined without a mask between them.
  package mutating func append(_ added: ArraySlice<Int32>, firstTarget: Int, source: SampleSource) {
    append(added, targets: [min(firstTarget, added.count)..<added.count], source: source)
  }

  /// Adds one sequence of one span of which some parts are predicted.
  /// - Parameter targets: in ascending order, counted from the first of the tokens, within them.
  package mutating func append(
    _ added: ArraySlice<Int32>, targets: [Range<Int>], source: SampleSource
  ) {
    let units = appendSpan(added, targets: targets, source)
    index.endSequence(length: added.count, units: Int32(clamping: units), numbers: [])
  }

  /// Adds the tokens of one span, which end no sequence yet.
  /// - Returns: how many of the targets something can predict.
  mutating func appendSpan(
    _ added: ArraySlice<Int32>, targets: [Range<Int>], _ source: SampleSource
  ) -> Int {
    append(added)
    var (end, units) = (0, 0)
    for range in targets {
      store.chunks[0].lossMask.append(false, count: range.lowerBound - end)
      store.chunks[0].lossMask.append(true, count: range.count)
      end = range.upperBound
      units += max(0, end - max(firstTarget, range.lowerBound))
    }
    store.chunks[0].lossMask.append(false, count: added.count - end)
    if targets.count > 1 || !targets.isEmpty && end < added.count { index.hasScatteredTargets = true }
    index.endSpan(length: added.count, zeroTypes: added.count, source)
    return units
  }

  /// Adds one sequence of one span that answers to a text of its own; its first token only begins the answer.
  package mutating func append(
    _ added: ArraySlice<Int32>, answering text: ArraySlice<Int32>, source: SampleSource
  ) {
    precondition(index.answered.count == count, "either all sequences answer to a text or none")
    append(added, firstTarget: 1, source: source)
    store.chunks[0].texts.append(contentsOf: text)
    store.chunks[0].largest.text = Self.largest(text, store.chunks[0].largest.text)
    index.answered.append(length: text.count)
  }

  /// Adds one sequence of one span that is learned as a whole, or with others of its sample.
  /// - Parameters:
  ///   - zeroTypes: how many tokens at its start have type 0; the others have type 1.
  ///   - numbers: as many for all sequences.
  ///   - units: of the loss.
  package mutating func append(
    _ added: ArraySlice<Int32>, zeroTypes: Int, numbers: [Float], units: Int = 1, source: SampleSource
  ) {
    append(added, of: .wholes, zeroTypes: zeroTypes, source)
    index.endSequence(length: added.count, units: Int32(clamping: units), numbers: numbers)
  }

  /// Adds one sequence of one span in which tokens have labels.
  /// - Parameter labels: the index of each token's label, or `Batch.noTarget`.
  package mutating func append(_ added: ArraySlice<Int32>, labels: [Int32], source: SampleSource) {
    precondition(labels.count == added.count, "each token has a label or none")
    append(added, of: .tokenLabels, zeroTypes: added.count, source)
    store.chunks[0].labels.append(contentsOf: labels)
    store.chunks[0].largest.label = max(store.chunks[0].largest.label, labels.max() ?? Batch.noTarget)
    index.endSequence(
      length: added.count, units: Int32(clamping: labels.count { $0 != Batch.noTarget }), numbers: [])
  }

  private mutating func append(
    _ added: ArraySlice<Int32>, of kind: SequenceKind, zeroTypes: Int, _ source: SampleSource
  ) {
    precondition(count == 0 || kind == self.kind, "sequences of one set are of one kind")
    self.kind = kind
    append(added)
    store.chunks[0].lossMask.append(false, count: added.count)
    index.endSpan(length: added.count, zeroTypes: zeroTypes, source)
  }

  private mutating func append(_ added: ArraySlice<Int32>) {
    if store.chunks.isEmpty { store.chunks = [TokenChunk()] }
    store.chunks[0].tokens.append(contentsOf: added)
    store.chunks[0].largest.token = Self.largest(added, store.chunks[0].largest.token)
  }

  private static func largest(_ tokens: ArraySlice<Int32>, _ before: UInt32) -> UInt32 {
    tokens.reduce(before) { max($0, UInt32(bitPattern: $1)) }
  }
}

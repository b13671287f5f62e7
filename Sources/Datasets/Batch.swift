// One micro-batch as the model takes it.

/// What the tokens of a packed block may attend to.
package enum PackingMask: String, CaseIterable, Sendable {
  /// Everything before them in the block; positions run through the whole block.
  case none
  /// Only their own document; positions start again with each document.
  case document
}

/// One micro-batch of fixed shape: B rows of T positions, all arrays [B, T] row by row.
package struct Batch: Equatable, Sendable {
  /// The token at padded positions of `tokens`: an id that every vocabulary has.
  package static let paddingToken: Int32 = 0
  /// The value in `targets` where nothing is to be predicted.
  package static let noTarget: Int32 = -1

  /// B
  package var rows: Int
  /// T
  package var length: Int
  package var tokens: [Int32]
  /// The token that follows, or `noTarget`.
  package var targets: [Int32]
  package var positions: [Int32]
  /// 0 for tokens of a row's first text, 1 for those of its second one.
  package var types: [Int32]
  /// [B] Tokens of each row, without padding.
  package var lengths: [Int32]
  /// How many neighbouring rows make one sample.
  package var rowsPerSample = 1
  /// [B · n] What each row has beside its tokens, such as the number of its label.
  package var numbers: [Float]
  /// The text that each row answers to, for models that read two; nil where rows have none.
  package var source: SourceTexts?
  /// [B · (C + 1)] For a loss of all samples together, the gradient of each row's representation, and its share of the
  /// loss; empty elsewhere.
  package var rowGradients: [Float] = []
  /// [B · T · n] What each token has where answers are learned from rewards; see `PolicyNumbers`. Empty elsewhere.
  package var tokenNumbers: [Float] = []
  /// [B, C] or [B · T, C] What the frozen part of a model has left of each row, or of each token; empty where it is
  /// computed with the rest.
  package var features: [Float] = []
  /// [B · T] What the gradient of each target is multiplied by, where adapters have losses of their own; empty elsewhere.
  package var targetFactors: [Float] = []
  /// How many neighbouring rows each of several adapters has; empty where there is one.
  package var groups: [Int] = []
  /// [B] The place of each row among all rows of the step, over all ranks: the key of its random numbers.
  package var sampleIDs: [Int32]
  /// [B] The index of each row in `TokenSequences`, for messages.
  package var sequences: [Int]
  /// How many losses the micro-batch has: elements of `targets` that are tokens, or rows with a label.
  package var targetCount: Int

  /// A batch without rows, to be filled.
  package init() {
    self.init(
      rows: 0, length: 0, tokens: [], targets: [], positions: [], sampleIDs: [], sequences: [],
      targetCount: 0)
  }

  /// Rows of one text each, without padding, unless `types` and `lengths` say otherwise.
  package init(
    rows: Int, length: Int, tokens: [Int32], targets: [Int32], positions: [Int32], types: [Int32]? = nil,
    lengths: [Int32]? = nil, numbers: [Float] = [], source: SourceTexts? = nil, sampleIDs: [Int32],
    sequences: [Int], targetCount: Int
  ) {
    self.rows = rows
    self.length = length
    self.tokens = tokens
    self.targets = targets
    self.positions = positions
    self.types = types ?? [Int32](repeating: 0, count: rows * length)
    self.lengths = lengths ?? [Int32](repeating: Int32(length), count: rows)
    self.numbers = numbers
    self.source = source
    self.sampleIDs = sampleIDs
    self.sequences = sequences
    self.targetCount = targetCount
  }
}

/// The texts that the rows of a batch answer to: B of S tokens, padded at their ends.
package struct SourceTexts: Equatable, Sendable {
  /// S
  package var length: Int
  /// [B, S]
  package var tokens: [Int32]
  /// [B] Tokens of each text, without padding.
  package var lengths: [Int32]

  package init(length: Int, tokens: [Int32], lengths: [Int32]) {
    self.length = length
    self.tokens = tokens
    self.lengths = lengths
  }

  /// The same texts with more padding at their ends.
  func padded(by columns: Int) -> SourceTexts {
    let wide = length + columns
    let padded = lengths.indices.flatMap { row in
      tokens[row * length..<(row + 1) * length] + repeatElement(Batch.paddingToken, count: columns)
    }
    return SourceTexts(length: wide, tokens: padded, lengths: lengths)
  }
}

extension Batch {
  /// Leaves one token of each row, for programs that read none.
  package mutating func keepFirstColumn() {
    func cut(_ values: inout [Int32]) {
      for row in 0..<rows { values[row] = values[row * length] }
      values.removeLast(values.count - rows)
    }
    cut(&tokens)
    cut(&targets)
    cut(&positions)
    cut(&types)
    for row in 0..<rows { lengths[row] = min(lengths[row], 1) }
    length = 1
  }

  /// The same rows without their last columns, whatever these hold.
  package func shortened(by columns: Int) -> Batch {
    let kept = length - columns
    func cut(_ values: [Int32]) -> [Int32] {
      (0..<rows).flatMap { row in values[row * length..<row * length + kept] }
    }
    let targets = cut(targets)
    var batch = Batch(
      rows: rows, length: kept, tokens: cut(tokens), targets: targets, positions: cut(positions),
      types: cut(types), lengths: lengths.map { min($0, Int32(kept)) }, numbers: numbers, source: source,
      sampleIDs: sampleIDs, sequences: sequences,
      targetCount: numbers.isEmpty && rowsPerSample == 1
        ? targets.count { $0 != Batch.noTarget } : targetCount)
    batch.rowsPerSample = rowsPerSample
    return batch
  }

  /// The same rows, and their sources, with more padding at their ends.
  package func padded(by columns: Int) -> Batch {
    func widen(_ values: [Int32], _ fill: (Int) -> Int32) -> [Int32] {
      let padding = (length..<length + columns).map(fill)
      return (0..<rows).flatMap { row -> [Int32] in values[row * length..<(row + 1) * length] + padding }
    }
    var batch = Batch(
      rows: rows, length: length + columns, tokens: widen(tokens) { _ in Batch.paddingToken },
      targets: widen(targets) { _ in Batch.noTarget }, positions: widen(positions) { Int32($0) },
      types: widen(types) { _ in 0 }, lengths: lengths, numbers: numbers,
      source: source?.padded(by: columns),
      sampleIDs: sampleIDs, sequences: sequences,
      targetCount: targetCount)
    batch.rowsPerSample = rowsPerSample
    return batch
  }
}

extension TokenSequences {
  /// The shape [B, T] of a micro-batch.
  package func shape(of microBatch: MicroBatch) -> (rows: Int, length: Int) {
    let longest = microBatch.sequences.reduce(0) { max($0, length(of: $1)) }
    return (microBatch.sequences.count, rowLength(longest: longest) + virtual.rows)
  }

  /// The number of tokens of some micro-batches, without padding.
  package func tokenCount(of microBatches: [MicroBatch]) -> Int {
    var count = 0
    for microBatch in microBatches {
      for sequence in microBatch.sequences { count += length(of: sequence) + answeredLength(of: sequence) }
    }
    return count
  }

  /// Units of the loss of some micro-batches.
  package func targetCount(of microBatches: [MicroBatch]) -> Int {
    var count = 0
    for microBatch in microBatches {
      for sequence in microBatch.sequences { count += Int(targetCounts[sequence]) }
    }
    return count
  }

  /// Builds a micro-batch.
  ///
  /// Within a row, position t predicts token t + 1 if that token carries a loss; the last position has no target. Where
  /// tokens have labels, position t predicts its own. Virtual tokens stand before the others: they have the first
  /// positions and no targets, but the last of them predicts the first token. The targets are those of the sequences, whatever `mask` is.
  package func batch(_ microBatch: MicroBatch, mask: PackingMask) -> Batch {
    var batch = Batch()
    fill(&batch, with: microBatch, mask: mask)
    return batch
  }

  /// The same in the memory of an earlier batch: nothing is allocated if that batch was as large.
  package func fill(_ batch: inout Batch, with microBatch: MicroBatch, mask: PackingMask) {
    let (rows, length) = shape(of: microBatch)
    batch.rows = rows
    batch.length = length
    batch.rowsPerSample = rowsPerSample
    batch.targetCount = 0
    batch.tokens.refill(Batch.paddingToken, count: rows * length)
    batch.targets.refill(Batch.noTarget, count: rows * length)
    batch.positions.refill(0, count: rows * length)
    batch.types.refill(0, count: rows * length)
    batch.lengths.refill(0, count: rows)
    batch.numbers.removeAll(keepingCapacity: true)
    batch.rowGradients.removeAll(keepingCapacity: true)
    batch.tokenNumbers.removeAll(keepingCapacity: true)
    batch.features.removeAll(keepingCapacity: true)
    batch.targetFactors.removeAll(keepingCapacity: true)
    batch.groups.removeAll(keepingCapacity: true)
    batch.sampleIDs.refill(0, count: rows)
    for row in 0..<rows { batch.sampleIDs[row] = Int32(clamping: microBatch.firstSample + row) }
    batch.sequences.removeAll(keepingCapacity: true)
    batch.sequences.append(contentsOf: microBatch.sequences)
    fillSource(of: &batch, with: microBatch)
    for (row, sequence) in microBatch.sequences.enumerated() {
      batch.lengths[row] = Int32(virtual.rows + self.length(of: sequence))
      for place in 0..<virtual.rows { batch.positions[row * length + place] = Int32(place) }
      if kind.isOfRows {
        for number in index.numbers(of: sequence) { batch.numbers.append(index.numbers[number]) }
        batch.targetCount += Int(targetCounts[sequence])
      }
      fillRow(row, of: &batch, with: sequence, mask: mask)
      // Padding continues the count, so that positions stay below those of a full row.
      for place in Int(batch.lengths[row])..<length {
        batch.positions[row * length + place] = Int32(virtual.keys + place)
      }
    }
    touch(microBatch.sequences.count)
  }

  /// Puts in the tokens of a sequence, and what is learned of them.
  private func fillRow(_ row: Int, of batch: inout Batch, with sequence: Int, mask: PackingMask) {
    let base = row * batch.length + virtual.rows
    // Tokens of the sequence before the span.
    var before = 0
    for span in spans(of: sequence) {
      let (place, count) = (index.spans.place(of: span), index.spans.length(of: span))
      let zeros = zeroTypes(ofSpan: span)
      let range = place.offset..<place.offset + count
      let chunk = store.chunks[place.chunk]
      chunk.withTokens(range) { tokens in
        for token in 0..<count {
          let place = base + before + token
          batch.tokens[place] = tokens[token]
          if token >= zeros { batch.types[place] = 1 }
          if kind.isOfNextTokens, before + token >= firstTarget, chunk.lossMask[range.lowerBound + token] {
            batch.targets[place - 1] = tokens[token]
            if kind == .nextTokens { batch.targetCount += 1 }
          }
        }
      }
      let origin = mask == .document ? before : 0
      for token in before..<before + count {
        batch.positions[base + token] = Int32(truncatingIfNeeded: virtual.count + token - origin)
      }
      if kind == .tokenLabels {
        chunk.withLabels(range) { labels in
          for token in 0..<count where labels[token] != Batch.noTarget {
            batch.targets[base + before + token] = labels[token]
            batch.targetCount += 1
          }
        }
      }
      before += count
    }
  }
}

extension TokenSequences {
  /// Puts in the texts that a micro-batch answers to, in the memory of the earlier ones.
  private func fillSource(of batch: inout Batch, with microBatch: MicroBatch) {
    var source = batch.source ?? SourceTexts(length: 0, tokens: [], lengths: [])
    batch.source = nil
    if index.answered.isEmpty { return }
    let longest = microBatch.sequences.reduce(0) { max($0, answeredLength(of: $1)) }
    source.length = answeredRowLength(longest: longest)
    source.tokens.refill(Batch.paddingToken, count: microBatch.sequences.count * source.length)
    source.lengths.refill(0, count: microBatch.sequences.count)
    for (row, sequence) in microBatch.sequences.enumerated() {
      let (place, count) = (index.answered.place(of: sequence), answeredLength(of: sequence))
      source.lengths[row] = Int32(count)
      store.chunks[place.chunk].withText(place.offset..<place.offset + count) { text in
        for token in 0..<count { source.tokens[row * source.length + token] = text[token] }
      }
    }
    batch.source = source
  }
}

extension [Int32] {
  /// An array of equal values, in the memory of the old one.
  fileprivate mutating func refill(_ value: Int32, count: Int) {
    removeAll(keepingCapacity: true)
    append(contentsOf: repeatElement(value, count: count))
  }
}

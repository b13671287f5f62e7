// Decides which sequences each step sees. That is a function of seed and step alone, so a resumed run goes on at the
// very next sequence and needs to store nothing but its step.
import Base

/// The sequences of one micro-batch.
package struct MicroBatch: Equatable, Sendable {
  /// The indices of the rows in `TokenSequences`: a slice of the step's, so that cutting a step copies nothing.
  package var sequences: ArraySlice<Int>
  /// The place of the first row among all rows of the step, over all ranks.
  package var firstSample: Int
  /// Which of the tasks of a run it is of.
  package var task = 0
  /// The rows of other adapters that stand behind these in one forward pass, in the order of the adapters.
  package var beside: [MicroBatch] = []

  package init(sequences: [Int], firstSample: Int) {
    self.sequences = sequences[...]
    self.firstSample = firstSample
  }

  /// Cuts the sequences of a step into micro-batches; the last one may be smaller. Where samples have several
  /// sequences, `size` counts sequences.
  package static func cut(_ sequences: [Int], size: Int) -> [MicroBatch] {
    precondition(size > 0, "a micro-batch has at least one row")
    return (0..<(sequences.count + size - 1) / size).map { index in
      var part = MicroBatch(sequences: sequences, firstSample: index * size)
      part.sequences = part.sequences[index * size..<min((index + 1) * size, sequences.count)]
      return part
    }
  }
}

/// The endless sequence of training steps over a data set.
///
/// Sample `k` of the whole run is sample `j` of some source, by the schedule: place `j % count` of that source's epoch
/// `j / count`. A step that reaches the end of an epoch is filled up from the start of the next one, so every step has
/// `batchSize` sequences, and every sequence of a source is seen once an epoch of it, also where steps do not divide it.
/// Where samples are grouped by length, so are the micro-batches of a step.
package struct BatchStream: Sendable {
  private let schedule: SourceSchedule
  /// The order of each source.
  private let orders: [SampleOrder]
  /// The first sequence of each source in `TokenSequences`.
  private let starts: [Int]
  /// Sequences of a sample, which stay together.
  private let rowsPerSample: Int
  /// Samples per step, over all ranks.
  package let batchSize: Int
  /// Samples per micro-batch; the last one of a step is smaller if this does not divide `batchSize`.
  package let microBatchSize: Int
  /// For each source the order of the epoch last asked for: computing it costs as much as a walk over the source.
  private var current: [(epoch: Int, order: SampleList)?]
  /// Where orders lie.
  private let space: ColumnSpace
  /// Of all samples; nil where they are not grouped by length.
  private let groups: LengthGroups?

  /// - Parameters:
  ///   - sources: the sequences of each source in `TokenSequences`; none may be empty.
  ///   - length: the tokens of a sample, to group samples by length; nil not to.
  ///   - cache: the folder of a cache, where orders of very many samples lie; nil for memory.
  package init(
    sources: [Range<Int>], rowsPerSample: Int = 1, schedule: SourceSchedule, batchSize: Int,
    microBatchSize: Int,
    seed: UInt64, shuffle: Bool, length: (@Sendable (Int) -> Int32)? = nil, cache: String? = nil
  ) {
    precondition(batchSize > 0 && microBatchSize > 0, "a batch has at least one row")
    self.schedule = schedule
    orders = sources.enumerated().map {
      SampleOrder(count: $1.count / rowsPerSample, seed: seed, source: $0, shuffle: shuffle)
    }
    self.rowsPerSample = rowsPerSample
    starts = sources.map(\.lowerBound)
    current = sources.map { _ in nil }
    groups = length.map { LengthGroups(length: $0, batchSize: batchSize) }
    space = cache.map { .files($0) } ?? .memory
    self.batchSize = batchSize
    self.microBatchSize = microBatchSize
  }

  /// One source of `count` sequences.
  package init(count: Int, batchSize: Int, microBatchSize: Int, seed: UInt64, shuffle: Bool) {
    self.init(
      sources: [0..<count], schedule: SourceSchedule(.one, samples: [count]), batchSize: batchSize,
      microBatchSize: microBatchSize, seed: seed, shuffle: shuffle)
  }

  /// The sequences of a step (from 0), in order.
  package mutating func sequences(step: Int) -> [Int] {
    precondition(step >= 0, "steps count from 0")
    var result: [Int] = []
    result.reserveCapacity(batchSize * rowsPerSample)
    for sample in step * batchSize..<(step + 1) * batchSize {
      let (source, place) = schedule.source(of: sample)
      let (epoch, index) = place.quotientAndRemainder(dividingBy: orders[source].count)
      if current[source]?.epoch != epoch { begin(epoch, of: source) }
      if let order = current[source]?.order {
        let first = starts[source] + Int(order[index]) * rowsPerSample
        result.append(contentsOf: first..<first + rowsPerSample)
      }
    }
    return groups.map { sorted(result, by: $0) } ?? result
  }

  /// The micro-batches of a step (from 0), in order.
  package mutating func microBatches(step: Int) -> [MicroBatch] {
    MicroBatch.cut(sequences(step: step), size: microBatchSize * rowsPerSample)
  }

  /// - Throws: if the disk has lost the order of an epoch.
  package func check() throws { for epoch in current { try epoch?.order.check() } }

  /// Puts the samples of a source in the order of one of its epochs, in the memory of the epoch before.
  private mutating func begin(_ epoch: Int, of source: Int) {
    var list = current[source]?.order
    current[source] = nil
    // A copy of the stream may still read it.
    if list != nil, !isKnownUniquelyReferenced(&list) { list = nil }
    let order = list ?? newList(for: source)
    arrange(order, epoch: epoch, of: source)
    current[source] = (epoch, order)
  }

  private func newList(for source: Int) -> SampleList {
    do { return try SampleList(count: orders[source].count, in: space) } catch let error as UserError {
      // A step has no way to throw, and no batch without an order.
      FatalEnd.end(error)
    } catch { preconditionFailure("\(error)") }
  }

  private func arrange(_ list: SampleList, epoch: Int, of source: Int) {
    orders[source].arrange(list, epoch: epoch)
    guard let groups else { return }
    var random = DataRandom.steps(seed: orders[source].seed, source: source, epoch: epoch)
    groups.arrange(
      list, first: starts[source] / rowsPerSample, offset: epoch * list.count % batchSize, using: &random)
  }

  /// The sequences of a step, samples of about one length beside each other.
  private func sorted(_ sequences: [Int], by groups: LengthGroups) -> [Int] {
    let samples = stride(from: 0, to: sequences.count, by: rowsPerSample).map {
      Int32(sequences[$0] / rowsPerSample)
    }
    return groups.sorted(samples).flatMap { sample in
      let first = Int(sample) * rowsPerSample
      return first..<first + rowsPerSample
    }
  }
}

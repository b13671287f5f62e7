// Decides which sequences each step sees. That is a function of seed and step alone, so a resumed run goes on at the
// very next sequence and needs to store nothing but its step.

/// The sequences of one micro-batch.
package struct MicroBatch: Equatable, Sendable {
  /// The indices of the rows in `TokenSequences`: a slice of the step's, so that cutting a step copies nothing.
  package var sequences: ArraySlice<Int>
  /// The place of the first row among all rows of the step, over all ranks.
  package var firstSample: Int

  package init(sequences: [Int], firstSample: Int) {
    self.sequences = sequences[...]
    self.firstSample = firstSample
  }

  /// Cuts the sequences of a step into micro-batches; the last one may be smaller.
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
/// Sequence `k` of the whole run is place `k % count` of epoch `k / count`. A step that reaches the end
/// of an epoch is filled up from the start of the next one, so every step has `batchSize` sequences, and
/// every sequence is seen once an epoch, also where steps do not divide it.
package struct BatchStream: Sendable {
  package let order: SampleOrder
  /// Sequences per step, over all ranks.
  package let batchSize: Int
  /// Rows per micro-batch; the last one of a step is smaller if this does not divide `batchSize`.
  package let microBatchSize: Int
  /// The order of the epoch last asked for: computing it costs as much as a walk over the data set.
  private var current: (epoch: Int, order: [Int32])?

  package init(count: Int, batchSize: Int, microBatchSize: Int, seed: UInt64, shuffle: Bool) {
    precondition(batchSize > 0 && microBatchSize > 0, "a batch has at least one row")
    order = SampleOrder(count: count, seed: seed, shuffle: shuffle)
    self.batchSize = batchSize
    self.microBatchSize = microBatchSize
  }

  /// The sequences of a step (from 0), in order.
  package mutating func sequences(step: Int) -> [Int] {
    precondition(step >= 0, "steps count from 0")
    let first = step * batchSize
    var result: [Int] = []
    result.reserveCapacity(batchSize)
    while result.count < batchSize {
      let (epoch, place) = (first + result.count).quotientAndRemainder(dividingBy: order.count)
      let end = min(order.count, place + batchSize - result.count)
      for sequence in permutation(epoch: epoch)[place..<end] { result.append(Int(sequence)) }
    }
    return result
  }

  private mutating func permutation(epoch: Int) -> [Int32] {
    if let current, current.epoch == epoch { return current.order }
    let permutation = order.permutation(epoch: epoch)
    current = (epoch, permutation)
    return permutation
  }

  /// The micro-batches of a step (from 0), in order.
  package mutating func microBatches(step: Int) -> [MicroBatch] {
    MicroBatch.cut(sequences(step: step), size: microBatchSize)
  }
}

// Brings samples of about one length into the same steps, so that short ones do not pay for the padding of long ones.

import Base

/// The order of an epoch in which the samples of a step are of about one length. It follows from the shuffled order of
/// the epoch alone. As transformers' `LengthGroupedSampler`, it sorts the samples of fifty steps at a time; unlike
/// that one, it then draws the order of these steps, so that long ones do not always come first.
struct LengthGroups: Sendable {
  private static let steps = 50
  /// Tokens of a sample.
  let length: @Sendable (_ sample: Int) -> Int32
  /// Samples of a step.
  let batchSize: Int

  /// Arranges the samples of an epoch.
  /// - Parameters:
  ///   - order: every sample once, shuffled.
  ///   - first: the number of the first sample.
  ///   - offset: how many samples the step has already that the epoch begins in.
  ///   - random: draws the order of steps.
  func arrange(_ order: SampleList, first: Int, offset: Int, using random: inout PhiloxStream) {
    var start = 0
    while start < order.count {
      // The step that the epoch before has begun is filled up first.
      let rest = start == 0 ? (batchSize - offset) % batchSize : 0
      let end = min(start + rest + Self.steps * batchSize - (rest == 0 ? 0 : batchSize), order.count)
      var window = sorted((start..<end).map { order[$0] + Int32(first) })
      var arranged = Array(window.suffix(rest))
      window.removeLast(min(rest, window.count))
      let whole = window.count / batchSize
      var steps = Array(0..<whole)
      for last in stride(from: whole - 1, to: 0, by: -1) { steps.swapAt(last, random.below(last + 1)) }
      for step in steps { arranged += window[step * batchSize..<(step + 1) * batchSize] }
      arranged += window[(whole * batchSize)...]
      for (place, sample) in zip(start..<end, arranged) { order[place] = sample - Int32(first) }
      start = end
    }
    order.release()
  }

  /// The longest first, so that ranks which take micro-batches in turn have about as much to do; equally long ones stay
  /// in their order.
  func sorted(_ samples: [Int32]) -> [Int32] {
    samples.enumerated().map { (length: length(Int($1)), place: $0, sample: $1) }.sorted {
      ($1.length, $0.place) < ($0.length, $1.place)
    }.map(\.sample)
  }
}

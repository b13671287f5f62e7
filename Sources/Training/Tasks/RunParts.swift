// What a step asks where a run trains several things in one pass: tasks over one trunk, or adapters on one base. Each has
// samples, a denominator and numbers of its own.
import Collectives
import Datasets
import Objectives
import Sharding

package protocol RunParts: AnyObject {
  /// The floats that the gradients of any micro-batch take.
  var gradientRoom: Int { get }
  /// How many sums a micro-batch leaves beside its loss, and whether these follow from the losses of its tokens.
  var counts: Int { get }
  var readsTokenLosses: Bool { get }

  /// The micro-batches of a step (from 0).
  func microBatches(step: Int) -> [MicroBatch]
  func tokenCount(of microBatches: [MicroBatch]) -> Int
  /// What a step's units are to people.
  func samples(of microBatches: [MicroBatch]) -> Int
  /// Counts the units of each part in a step, which its losses will be divided by.
  /// - Returns: those of all.
  func begin(_ microBatches: [MicroBatch], _ draw: BatchDraw) -> Int
  /// What computes a micro-batch, what its losses are divided by, and what their mean is multiplied by.
  func replica(of microBatch: MicroBatch) -> Replica
  func units(of microBatch: MicroBatch) -> Int
  func weight(of microBatch: MicroBatch) -> Float
  func fill(_ batch: inout Batch, with microBatch: MicroBatch, _ draw: BatchDraw)
  /// What a micro-batch that was just computed leaves beside its loss.
  func counts(of microBatch: MicroBatch, in batch: Batch, loss: Double, _ draw: BatchDraw) -> [Double]
  /// The loss of a step, and the numbers beside it.
  func loss(of total: LossSums) -> Double
  func scalars(ofStep total: LossSums) -> [Scalar]
  /// Names the samples behind a loss that is not finite, or the largest losses, of each part.
  /// - Parameter sums: what each micro-batch left.
  func offenders(
    _ microBatches: [MicroBatch], sums: [LossSums],
    decode: @escaping @Sendable (ArraySlice<Int32>) -> String
  ) -> String

  /// Measures the gradients of the parts, where each is clipped for itself. Collective.
  func measure(_ gradients: GradientSum)
  /// Scales the gradient of each part to its limit.
  func clip(_ gradients: GradientSum, to limit: Double)
  /// The learning rate of each parameter in a step (from 0), where parts have rates of their own; nil for the run's.
  func rates(step: Int) -> [Double]?

  /// The validation of every part that has data for it; nil if none has. Collective.
  func validate(ranks: Ranks) throws -> Evaluation?
  /// - Throws: if the disk has lost something of the data or its order.
  func check() throws
}

extension RunParts {
  package var readsTokenLosses: Bool { false }
  package func measure(_ gradients: GradientSum) {}
  package func clip(_ gradients: GradientSum, to limit: Double) {}
  package func rates(step: Int) -> [Double]? { nil }
}

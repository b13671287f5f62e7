// Losses that follow from the log-probabilities of all targets of a micro-batch: forward gives the losses of the targets,
// from which follow the loss and its slope in each of them; then the targets get their gradients with that slope.

package protocol TargetLoss: Sendable {
  /// How many sums it leaves beside the loss.
  var counts: Int { get }
  /// Whether a model that is measured leaves the losses of its targets instead.
  var isForTraining: Bool { get }
  /// What logits are divided by.
  var temperature: Float { get }
  /// Whether it learns what answers will earn, too, by a value head.
  var usesValues: Bool { get }
  /// The loss with the memory of a shape of micro-batches.
  func run(sequences: Int, length: Int) -> any TargetLossRun
}

extension TargetLoss {
  package var isForTraining: Bool { false }
  package var temperature: Float { 1 }
  package var usesValues: Bool { false }
}

extension TargetLossRun {
  package var values: UnsafeMutablePointer<Float>? { nil }
  package var valueSlopes: UnsafePointer<Float>? { nil }
}

package protocol TargetLossRun: AnyObject, Sendable {
  var sequences: Int { get }
  /// [sequences · length]: where the losses of targets go, NaN without a target.
  var losses: UnsafeMutablePointer<Double> { get }
  /// [sequences · length]: where the values of places with a target go.
  var values: UnsafeMutablePointer<Float>? { get }
  /// [sequences · length]: the slope of the loss in each value, after `loss`; nil without a value head.
  var valueSlopes: UnsafePointer<Float>? { get }
  /// The loss, after the losses of targets, and values, were written.
  /// - Parameter outputs: [sequences]: where the log-probabilities of answers go; nil while a model is trained.
  func loss(_ input: GraphInput, counts: inout [Double], outputs: UnsafeMutablePointer<Double>?) -> Double
  /// [sequences · length]: the factor of each target's gradient, after `loss`.
  func targetFactors(_ input: GraphInput) -> UnsafePointer<Float>
}

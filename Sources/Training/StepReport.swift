// What a step tells of itself.
import Collectives
import Objectives
import Sharding

/// What a step did. It is the same on every rank, except for the seconds.
package struct StepReport: Sendable {
  /// 1 for the first step.
  package var step: Int
  /// The mean over the losses of the step, in nats; nil if it had none.
  package var loss: Double?
  /// The objective's own numbers.
  package var scalars: [Scalar]
  /// The gradient's norm before clipping.
  package var gradientNorm: Double
  package var learningRate: Double
  /// The tokens read, without padding.
  package var tokens: Int
  /// How many losses the mean is of.
  package var units: Int
  package var seconds: Double
  /// The seconds that this rank spent on the exchange of gradients and weights while it computed nothing else.
  package var exchangeSeconds: Double
  /// How many of its micro-batches were computed twice, with the same result.
  package var audits: Int
  /// What is wrong with the numbers above; nil if nothing is.
  package var finding: NumberFinding?
  /// Why the first step of a run cannot be right; nil if it may be.
  package var flaw: String?
  /// For each source of a mixture; empty for a single one.
  package var sources: [SourceReport] = []
  /// Of each rank, at some steps or where somebody asks for it.
  package var ranks: [RankSeconds] = []
  /// The operations of this rank's matrix products; 0 where they are not counted.
  package var operations = 0.0
  /// How the gradient is distributed, where somebody asks for it.
  package var histograms: [GradientHistogram] = []
}

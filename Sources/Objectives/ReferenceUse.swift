// What a model that is trained is compared with.
import Datasets

package enum ReferenceUse: Equatable, Sendable {
  case none
  /// The model that the run begins with: what it gives to all samples is computed before the first step.
  case precomputed
  /// The same model, asked in each step.
  case asked
  /// The same model, asked once about the answers that the policy has given in a step.
  case askedOfAnswers
  /// A model that moves to the trained one: every so many steps it becomes this share of it, and the rest of what it was
  /// (TR-DPO, Gorbatovski et al. 2024).
  case following(share: Double, steps: Int)
}

/// A number that the samples of a step, or of a measurement, tell together, before their micro-batches are computed.
package enum StepNumber: Sendable {
  case none
  case value(Float)
  /// The mean, at least 0, of how much likelier answers are than to the reference; with what they answer to.
  case divergence(ofAnswers: TokenSequences)
}

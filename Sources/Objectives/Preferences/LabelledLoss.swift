// The loss of answers with a label whether they are wanted (KTO, Ethayarajh et al. 2024, equation 7), as TRL's KTOTrainer has
// it. With the log-ratio ρ of an answer to the reference and the divergence d of the step:
//
//   wanted: w⁺ (1 − σ(β (ρ − d))),  unwanted: w⁻ (1 − σ(β (d − ρ)))
//
// d is the mean log-ratio of prompts with the answers of other prompts of the step, at least 0, and has no gradient.
import Kernels

struct LabelledLoss: Sendable, Equatable {
  static let name = "kto"

  var beta: Double
  /// w⁺ and w⁻.
  var wantedWeight = 1.0
  var unwantedWeight = 1.0

  func weight(isWanted: Bool) -> Double { isWanted ? wantedWeight : unwantedWeight }

  /// The loss of an answer, and its slope in ρ.
  func value(_ ratio: Double, isWanted: Bool, divergence: Double) -> (loss: Double, slope: Double) {
    let z = beta * (ratio - divergence) * (isWanted ? 1 : -1)
    let weight = weight(isWanted: isWanted)
    let slope = -weight * beta * logistic(z) * logistic(-z)
    return (weight * logistic(-z), isWanted ? slope : -slope)
  }
}

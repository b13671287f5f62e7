// The loss of pairs of rewards of which the first is to be the larger one (Bradley and Terry 1952), as TRL's RewardTrainer
// has it:
//
//   ℓ = −log σ(r⁺ − r⁻ − m) + c (r⁺ + r⁻)²
//
// The second part keeps rewards around zero (Eisenstein et al. 2023).

/// Sums over pairs.
package struct PairCounts {
  /// Of both rewards, and of the pairs whose first reward is the larger one.
  package static let count = 3
  /// [count]
  let base: UnsafeMutablePointer<Double>

  package init(_ base: UnsafeMutablePointer<Double>) { self.base = base }
}

extension Engine {
  /// The sum of the losses of all pairs in their order.
  /// - Parameters:
  ///   - z: [2 · pairs]: the rewards of each pair.
  ///   - margins: [2 · pairs]: m, at the first of each pair.
  ///   - centering: c.
  ///   - dz: [2 · pairs], written anew; nil for the loss alone.
  package func pairLoss(
    _ z: UnsafePointer<Float>, pairs: Int, margins: UnsafePointer<Float>, centering: Double, scale: Float,
    dz: UnsafeMutablePointer<Float>?, counts: PairCounts
  ) -> Double {
    var sum = 0.0
    for first in stride(from: 0, to: 2 * pairs, by: 2) {
      let (better, worse) = (Double(z[first]), Double(z[first + 1]))
      let (lead, total) = (better - worse - Double(margins[first]), better + worse)
      sum += softplus(-lead) + centering * total * total
      counts.base[0] += better
      counts.base[1] += worse
      if better > worse { counts.base[2] += 1 }
      let (pull, push) = (-logistic(-lead), 2 * centering * total)
      dz?[first] = Float(pull + push) * scale
      dz?[first + 1] = Float(push - pull) * scale
    }
    return sum
  }
}

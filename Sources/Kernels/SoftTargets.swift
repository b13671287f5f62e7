// The predictions of another model, which a model's own are kept near or learn from. With logits z of the model and t of
// the other, p = softmax(z / T) and q = softmax(t / T), a target's divergence D is one of
//
//   KL(q ‖ p) = Σ q (log q − log p),  dD/dz = (p − q) / T
//   KL(p ‖ q) = Σ p (log p − log q),  dD/dz = p (log p − log q − D) / T
//   β KL(q ‖ m) + (1 − β) KL(p ‖ m),  dD/dz = p ((1 − β) log p/m − (1 − β) KL(p ‖ m)) / T,  m = β q + (1 − β) p
//   Σ (z − t)² / V,                   dD/dz = 2 (z − t) / V
//   Σ (x − y)² / C,                   dD/dx = 2 (x − y) / C,  of hidden states x and y of one width
//
// and its gradient is h (softmax(z) − onehot(target)) + s dD/dz.
import Foundation
import Tensors

package struct SoftTargets {
  /// [rows, columns]: the hidden states of the other model.
  package let x: UnsafePointer<Float>
  package let columns: Int
  /// [vocabulary, columns], and the type that it is multiplied in.
  package let weight: Operand
  package let type: ElementType
  /// The cap of its logits; nil for none.
  package let cap: Float?

  package init(x: UnsafePointer<Float>, columns: Int, weight: Operand, type: ElementType, cap: Float?) {
    (self.x, self.columns, self.weight, self.type, self.cap) = (x, columns, weight, type, cap)
  }
}

/// How predictions diverge from soft targets.
package enum Divergence: String, CaseIterable, Sendable {
  /// KL(q ‖ p), of a student from its teacher (Hinton et al. 2015).
  case kl
  /// KL(p ‖ q), which forgives what the student leaves out (Gu et al. 2024).
  case reverse = "reverse_kl"
  /// β KL(q ‖ m) + (1 − β) KL(p ‖ m) with m = β q + (1 − β) p (Agarwal et al. 2024).
  case jsd
  /// The mean squared difference of logits.
  case mse
  /// The mean squared difference of the hidden states that logits are made of (Romero et al. 2015).
  case hidden
}

/// What a projection onto a vocabulary needs to know of soft targets before they are there.
package struct SoftTargetShape: Sendable, Equatable {
  /// Whether the divergence stands beside the loss, or is part of it.
  package enum Role: Sendable { case penalty, loss }

  /// Of the hidden states of the other model.
  package var columns: Int
  /// h and s.
  package var hard: Float
  package var strength: Float
  package var temperature: Float
  package var divergence: Divergence
  /// β of jsd, between 0 and 1.
  package var beta: Float
  package var role: Role

  package init(
    columns: Int = 0, hard: Float = 1, strength: Float, temperature: Float = 1, divergence: Divergence = .kl,
    beta: Float = 0.5, role: Role = .penalty
  ) {
    self.beta = beta
    (self.columns, self.hard, self.strength) = (columns, hard, strength)
    (self.temperature, self.divergence, self.role) = (temperature, divergence, role)
  }

  /// The loss of some targets with so much cross-entropy and divergence.
  package func loss(_ crossEntropy: Double, divergence: Double) -> Double {
    switch role {
    case .penalty: crossEntropy
    case .loss: Double(hard) * crossEntropy + Double(strength) * divergence
    }
  }
}

/// max z and Σ exp((z − max z) / T) of a row.
private func statistics(
  _ z: UnsafePointer<Float>, _ count: Int, over temperature: Float
) -> (peak: Float, total: Float) {
  var largest = Vector(repeating: -.infinity)
  forEachVector(count) { largest = largest.maximum($0.load(z, fill: -.infinity)) }
  let peak = largest.largest
  var sum = Vector()
  let inverse = 1 / temperature
  forEachVector(count) { sum += exponential(($0.load(z, fill: -.infinity) - peak) * inverse) }
  return (peak, sum.total)
}

/// One row's cross-entropy, and its divergence from soft targets; with a scale, the logits become their gradient, or that
/// of what they were before the cap.
/// - Parameter soft: the logits of the other model.
func softLossOfRow(
  _ logits: UnsafeMutablePointer<Float>, soft: UnsafePointer<Float>, _ form: SoftTargetShape, target: Int,
  count: Int, scale: Float?, cap: Float?
) -> (loss: Float, divergence: Double) {
  let z = UnsafePointer(logits)
  let inverse = 1 / form.temperature
  let own = statistics(z, count, over: 1)
  let tempered = form.temperature == 1 ? own : statistics(z, count, over: form.temperature)
  let others = statistics(soft, count, over: form.temperature)
  let targetLogit = logits[target]
  // log q − log p is (t − max t) / T − (z − max z) / T plus this.
  let offset = Float(log(Double(tempered.total)) - log(Double(others.total)))
  // Behind the end, both logits are at their maxima, and nothing differs but the offset, which is taken off.
  func difference(_ vector: Lanes) -> Vector {
    (vector.load(soft, fill: others.peak) - others.peak) * inverse
      - (vector.load(z, fill: own.peak) - own.peak) * inverse
  }
  /// log q / p of tokens, and log m / p, by log 1 + β (q / p − 1).
  func mixture(_ difference: Vector) -> Vector {
    var out = Vector()
    for lane in 0..<16 {
      out[lane] = Float(log1p(Double(form.beta) * expm1(Double(difference[lane] + offset))))
    }
    return out
  }
  var sums = SIMD8<Double>()
  // Σ p log p / m, for the gradient of jsd.
  var ownGaps = SIMD8<Double>()
  forEachVector(count) { vector in
    let part: Vector
    switch form.divergence {
    case .kl:
      part =
        exponential((vector.load(soft, fill: -.infinity) - others.peak) * inverse) * difference(vector)
    case .reverse:
      part = exponential((vector.load(z, fill: -.infinity) - own.peak) * inverse) * difference(vector)
    case .jsd:
      let p = exponential((vector.load(z, fill: -.infinity) - own.peak) * inverse) * (1 / tempered.total)
      let q = exponential((vector.load(soft, fill: -.infinity) - others.peak) * inverse) * (1 / others.total)
      let gap = difference(vector)
      let mixed = mixture(gap)
      // log q / m and log p / m.
      let byP = p * mixed * -1
      ownGaps += SIMD8<Double>(byP.lowHalf) + SIMD8<Double>(byP.highHalf)
      part = q * (gap + offset - mixed) * form.beta + byP * (1 - form.beta)
    case .mse:
      let gap = vector.load(z) - vector.load(soft)
      part = gap * gap
    case .hidden: preconditionFailure("hidden states are compared before they are projected")
    }
    sums += SIMD8<Double>(part.lowHalf) + SIMD8<Double>(part.highHalf)
  }
  let divergence =
    switch form.divergence {
    case .kl: sums.sum() / Double(others.total) + Double(offset)
    case .reverse: -sums.sum() / Double(tempered.total) - Double(offset)
    case .jsd: sums.sum()
    case .mse, .hidden: sums.sum() / Double(count)
    }
  if let scale {
    let hard = scale * form.hard / own.total
    let step = scale * form.strength
    func slope(_ z: Vector) -> Vector {
      cap.map { 1 - z * (1 / $0) * (z * (1 / $0)) } ?? Vector(repeating: 1)
    }
    forEachVector(count) { vector in
      let zN = vector.load(z)
      let tN = vector.load(soft)
      var gradient = exponential(zN - own.peak) * hard
      switch form.divergence {
      case .kl:
        gradient += exponential((zN - own.peak) * inverse) * (step * inverse / tempered.total)
        gradient -= exponential((tN - others.peak) * inverse) * (step * inverse / others.total)
      case .reverse:
        let gap = difference(vector) * -1 - offset - Float(divergence)
        gradient += exponential((zN - own.peak) * inverse) * gap * (step * inverse / tempered.total)
      case .jsd:
        let slope = (mixture(difference(vector)) * -1 - Float(ownGaps.sum())) * (1 - form.beta)
        gradient += exponential((zN - own.peak) * inverse) * slope * (step * inverse / tempered.total)
      case .mse, .hidden: gradient += (zN - tN) * (2 * step / Float(count))
      }
      vector.store(gradient * slope(zN), logits)
    }
    logits[target] -= scale * form.hard * slope(Vector(repeating: targetLogit))[0]
  }
  return (own.peak - targetLogit + logarithm(own.total), divergence)
}

/// Σ (x − y)² / C of one row of hidden states.
func hiddenGap(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Double {
  var sums = SIMD8<Double>()
  forEachVector(count) { vector in
    let gap = vector.load(x) - vector.load(y)
    let part = gap * gap
    sums += SIMD8<Double>(part.lowHalf) + SIMD8<Double>(part.highHalf)
  }
  return sums.sum() / Double(count)
}

/// Adds the gradient of that, times a factor, to dx.
func addHiddenSlope(
  _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, factor: Float,
  to dx: UnsafeMutablePointer<Float>
) {
  let factor = 2 * factor / Float(count)
  forEachVector(count) { $0.store(($0.load(x) - $0.load(y)) * factor, dx, adding: true) }
}

// The predictions of another model, which a model's own are kept near: with p = softmax(z) of the model and q of the other,
// a target adds s · KL(q ‖ p) = s · Σ q (log q − log p) to its loss, and s · (p − q) to the gradient of its logits.
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

/// What a projection onto a vocabulary needs to know of soft targets before they are there.
package struct SoftTargetShape: Sendable, Equatable {
  /// Of the hidden states of the other model.
  package var columns: Int
  /// What their divergence is multiplied by.
  package var strength: Float

  package init(columns: Int, strength: Float) { (self.columns, self.strength) = (columns, strength) }
}

/// One row's loss, and its divergence from soft targets; with a scale, the logits become their gradient, or that of what
/// they were before the cap.
/// - Parameters:
///   - soft: the logits of the other model.
///   - strength: what the divergence is multiplied by in the gradient.
func softLossOfRow(
  _ logits: UnsafeMutablePointer<Float>, soft: UnsafePointer<Float>, strength: Float, target: Int, count: Int,
  scale: Float?, cap: Float?
) -> (loss: Float, divergence: Double) {
  func peak(_ z: UnsafePointer<Float>) -> Float {
    var largest = Vector(repeating: -.infinity)
    forEachVector(count) { largest = largest.maximum($0.load(z, fill: -.infinity)) }
    return largest.largest
  }
  let (peak, softPeak) = (peak(UnsafePointer(logits)), peak(soft))
  let targetLogit = logits[target]
  var (sum, softSum) = (Vector(), Vector())
  // Σ exp(t − max t) · ((t − max t) − (z − max z)), before it is divided by the sum of the exponentials.
  var weighted = SIMD8<Double>()
  forEachVector(count) {
    let z = $0.load(logits, fill: -.infinity) - peak
    sum += exponential(z)
    let t = $0.load(soft, fill: -.infinity) - softPeak
    softSum += exponential(t)
  }
  forEachVector(count) {
    // Behind the end, both logits are the same, and add nothing.
    let t = $0.load(soft, fill: softPeak) - softPeak
    let z = $0.load(logits, fill: peak) - peak
    let part = exponential(t) * (t - z)
    weighted += SIMD8<Double>(part.lowHalf) + SIMD8<Double>(part.highHalf)
  }
  let (total, softTotal) = (sum.total, softSum.total)
  let divergence =
    weighted.sum() / Double(softTotal) - Foundation.log(Double(softTotal)) + Foundation.log(Double(total))
  if let scale {
    let factor = scale * (1 + strength) / total
    let softFactor = scale * strength / softTotal
    func slope(_ z: Vector) -> Vector {
      cap.map { 1 - z * (1 / $0) * (z * (1 / $0)) } ?? Vector(repeating: 1)
    }
    forEachVector(count) {
      let z = $0.load(logits)
      let gradient = exponential(z - peak) * factor - exponential($0.load(soft) - softPeak) * softFactor
      $0.store(gradient * slope(z), logits)
    }
    logits[target] -= scale * slope(Vector(repeating: targetLogit))[0]
  }
  return (peak - targetLogit + logarithm(total), divergence)
}

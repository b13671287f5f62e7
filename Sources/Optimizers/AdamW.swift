// AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW computes it:
//
//   w ← w · (1 − η λ)
//   m ← m + (1 − β1)(g − m),   v ← β2 v + (1 − β2) g²
//   w ← w − η / (1 − β1ᵗ) · m / (√v / √(1 − β2ᵗ) + ε)
import Foundation
import Kernels

package struct AdamW: UpdateRule {
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double

  package init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01)
  {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  package var stateNames: [String] { ["first_moment", "second_moment"] }

  package func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine
  ) {
    let w = stretch.weights
    let g = stretch.gradients
    let m = stretch.states[0]
    let v = stretch.states[1]
    let shrink = Float(stretch.decays ? 1 - learningRate * weightDecay : 1)
    let rate = Float(learningRate / (1 - pow(beta1, Double(step))))
    let inverseRoot = Float(1 / (1 - pow(beta2, Double(step))).squareRoot())
    let keep2 = Float(beta2)
    let take1 = Float(1 - beta1)
    let take2 = Float(1 - beta2)
    let epsilon = Float(epsilon)
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let gV = $0.load(g) * gradientScale
        let mOld = $0.load(m)
        let mV = mOld.addingProduct(gV - mOld, Vector(repeating: take1))
        let vV = (gV * gV * take2).addingProduct($0.load(v), Vector(repeating: keep2))
        let denominator = Vector(repeating: epsilon).addingProduct(
          vV.squareRoot(), Vector(repeating: inverseRoot))
        $0.store(mV, m)
        $0.store(vV, v)
        $0.store(($0.load(w) * shrink).addingProduct(-mV / denominator, Vector(repeating: rate)), w)
      }
    }
  }
}

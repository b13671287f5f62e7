// AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW computes it:
//
//   w ← w · (1 − η λ)
//   m ← m + (1 − β1)(g − m),   v ← β2 v + (1 − β2) g²
//   w ← w − η / (1 − β1ᵗ) · m / (√v / √(1 − β2ᵗ) + ε)
import Foundation
import Kernels

package struct AdamW: LocalRule {
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

  package var states: [OptimizerState] { [OptimizerState("first_moment"), OptimizerState("second_moment")] }

  package func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine
  ) {
    let w = stretch.weights
    let g = stretch.gradients
    let m = stretch.floats(0)
    let v = stretch.floats(1)
    let formula = Formula(
      self, step: step, learningRate: learningRate, gradientScale: gradientScale,
      weightDecay: stretch.decay(weightDecay))
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let moments = formula.moments($0.load(g), m: $0.load(m), v: $0.load(v))
        $0.store(moments.m, m)
        $0.store(moments.v, v)
        $0.store(formula.weights($0.load(w), moments), w)
      }
    }
  }

  /// The update of sixteen numbers.
  struct Formula {
    private let gradientScale: Float
    private let shrink: Float
    private let rate: Float
    private let inverseRoot: Float
    private let keep2: Float
    private let take1: Float
    private let take2: Float
    private let epsilon: Float

    init(_ rule: AdamW, step: Int, learningRate: Double, gradientScale: Float, weightDecay: Double) {
      self.gradientScale = gradientScale
      shrink = Float(1 - learningRate * weightDecay)
      rate = Float(learningRate / (1 - pow(rule.beta1, Double(step))))
      inverseRoot = Float(1 / (1 - pow(rule.beta2, Double(step))).squareRoot())
      keep2 = Float(rule.beta2)
      take1 = Float(1 - rule.beta1)
      take2 = Float(1 - rule.beta2)
      epsilon = Float(rule.epsilon)
    }

    @inline(__always) func moments(_ gradient: Vector, m: Vector, v: Vector) -> (m: Vector, v: Vector) {
      let g = gradient * gradientScale
      return (
        m.addingProduct(g - m, Vector(repeating: take1)),
        (g * g * take2).addingProduct(v, Vector(repeating: keep2))
      )
    }

    @inline(__always) func weights(_ w: Vector, _ moments: (m: Vector, v: Vector)) -> Vector {
      let denominator = Vector(repeating: epsilon).addingProduct(
        moments.v.squareRoot(), Vector(repeating: inverseRoot))
      return (w * shrink).addingProduct(-moments.m / denominator, Vector(repeating: rate))
    }
  }
}

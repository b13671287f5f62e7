// Stochastic gradient descent with momentum (Sutskever et al. 2013), as torch.optim.SGD computes it without
// dampening; the decay is coupled, a part of the gradient:
//
//   g ← g + λ w,   b ← μ b + g
//   w ← w − η b,   or with Nesterov's momentum   w ← w − η (g + μ b)
import Kernels

package struct SGD: LocalRule {
  /// 0 for no momentum, and no state.
  package var momentum: Double
  package var nesterov: Bool
  package var weightDecay: Double

  package init(momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) {
    precondition(!nesterov || momentum > 0, "Nesterov's momentum is a momentum")
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  package var states: [OptimizerState] { momentum > 0 ? [OptimizerState("momentum")] : [] }

  package func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine
  ) {
    let w = stretch.weights
    let g = stretch.gradients
    let decay = Vector(repeating: Float(stretch.decay(weightDecay)))
    let rate = Vector(repeating: -Float(learningRate))
    let keep = Vector(repeating: Float(momentum))
    guard momentum > 0 else {
      engine.forEachStretch(stretch.count) { range in
        forEachVector(in: range) {
          let wV = $0.load(w)
          let gV = ($0.load(g) * gradientScale).addingProduct(decay, wV)
          $0.store(wV.addingProduct(rate, gV), w)
        }
      }
      return
    }
    let b = stretch.floats(0)
    let nesterov = nesterov
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let wV = $0.load(w)
        let gV = ($0.load(g) * gradientScale).addingProduct(decay, wV)
        let bV = gV.addingProduct(keep, $0.load(b))
        $0.store(bV, b)
        $0.store(wV.addingProduct(rate, nesterov ? gV.addingProduct(keep, bV) : bV), w)
      }
    }
  }
}

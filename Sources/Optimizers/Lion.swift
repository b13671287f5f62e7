// Lion (Chen et al. 2023, algorithm 2), with decoupled decay:
//
//   w ← w · (1 − η λ) − η sign(β1 m + (1 − β1) g)
//   m ← β2 m + (1 − β2) g
import Kernels

package struct Lion: LocalRule {
  package var beta1: Double
  package var beta2: Double
  package var weightDecay: Double

  package init(beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
  }

  package var states: [OptimizerState] { [OptimizerState("momentum")] }

  package func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine
  ) {
    let w = stretch.weights
    let g = stretch.gradients
    let m = stretch.floats(0)
    let shrink = Vector(repeating: Float(1 - learningRate * stretch.decay(weightDecay)))
    let rate = Vector(repeating: Float(learningRate))
    let (keep1, take1) = (Vector(repeating: Float(beta1)), Float(1 - beta1))
    let (keep2, take2) = (Vector(repeating: Float(beta2)), Float(1 - beta2))
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let gV = $0.load(g) * gradientScale
        let mV = $0.load(m)
        let direction = (gV * take1).addingProduct(mV, keep1)
        // The sign of 0 is 0, and the sign of NaN is NaN.
        var move = direction.replacing(with: rate, where: direction .> 0)
        move = move.replacing(with: -rate, where: direction .< 0)
        $0.store((gV * take2).addingProduct(mV, keep2), m)
        $0.store((-move).addingProduct($0.load(w), shrink), w)
      }
    }
  }
}

// Schedule-free AdamW (Defazio et al. 2024), as AdamWScheduleFree of the package schedulefree computes it:
//
//   v ← β2 v + (1 − β2) g²,   d = g / (√(v / (1 − β2ᵗ)) + ε) + λ y
//   z ← z − η d,   x ← x + c (z − x),   y = z + β1 (x − z)
//   c = a / Σ a,   a = tʳ · (largest η so far)ᵖ
//
// Gradients are those at y, which the line of weights has while training; x is what the model is. Where the rate is
// constant after its warm-up, c does not depend on the rate itself: it follows from the number of the update.
import Foundation
import Kernels

package struct ScheduleFree: LocalRule {
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  /// r, the power of the step in the average.
  package var power: Double
  /// p, the power of the learning rate there.
  package var ratePower: Double
  /// Steps over which the learning rate rises.
  package var warmupSteps = 0

  package init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    power: Double = 0, ratePower: Double = 2
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.power = power
    self.ratePower = ratePower
  }

  /// `point` is z. `average` is x, or y where the weights are x.
  package var states: [OptimizerState] {
    [OptimizerState("second_moment"), OptimizerState("point"), OptimizerState("average")]
  }

  package var evaluated: EvaluatedWeights? {
    EvaluatedWeights(state: 2, draws: true, words: "the average of schedule_free")
  }

  /// c of an update, from 1: the share of the newest z in x.
  func share(ofUpdate number: Int) -> Double {
    func part(_ update: Int) -> Double {
      pow(Double(update), power) * pow(min(1, Double(update) / Double(max(warmupSteps, 1))), ratePower)
    }
    var sum = 0.0
    let own = power == 0 ? min(number, max(warmupSteps, 1)) : number
    for update in stride(from: 1, through: own, by: 1) { sum += part(update) }
    // All later parts are 1.
    sum += Double(number - own)
    return part(number) / sum
  }

  package func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine
  ) {
    let (y, g) = (stretch.weights, stretch.gradients)
    let (v, z, x) = (stretch.floats(0), stretch.floats(1), stretch.floats(2))
    if step == 1 {
      engine.copy(y, count: stretch.count, into: z)
      engine.copy(y, count: stretch.count, into: x)
    }
    let inverseRoot = Vector(repeating: Float(1 / (1 - pow(beta2, Double(step))).squareRoot()))
    let epsilon = Vector(repeating: Float(epsilon))
    let decay = Vector(repeating: Float(stretch.decay(weightDecay)))
    let rate = Vector(repeating: -Float(learningRate))
    let take = Vector(repeating: Float(share(ofUpdate: step)))
    let lean = Vector(repeating: Float(beta1))
    let (keep2, take2) = (Vector(repeating: Float(beta2)), Float(1 - beta2))
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let gV = $0.load(g) * gradientScale
        let vV = (gV * gV * take2).addingProduct($0.load(v), keep2)
        let direction = (gV / epsilon.addingProduct(vV.squareRoot(), inverseRoot))
          .addingProduct($0.load(y), decay)
        let zV = $0.load(z).addingProduct(direction, rate)
        let old = $0.load(x)
        let xV = old.addingProduct(zV - old, take)
        $0.store(vV, v)
        $0.store(zV, z)
        $0.store(xV, x)
        $0.store(zV.addingProduct(xV - zV, lean), y)
      }
    }
  }
}

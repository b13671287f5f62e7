// A rule with an exponential moving average of its weights, which is what a run measures and keeps:
//
//   e ← d e + (1 − d) w  after each update, from the first weights on
//
// as ModelEmaV3 of timm and EMAModel of diffusers. Their warm-up takes min(d, (1 + t) / (10 + t)), which lets the first
// weights go soon.
import Kernels
import Tensors

package struct AveragedRule: UpdateRule {
  package static let state = OptimizerState("weight_average")
  package var rule: any UpdateRule
  /// d, in 0..<1.
  package var decay: Double
  package var warmsUp: Bool

  package init(_ rule: any UpdateRule, decay: Double, warmsUp: Bool = false) {
    self.rule = rule
    self.decay = decay
    self.warmsUp = warmsUp
  }

  package var states: [OptimizerState] { rule.states + [Self.state] }
  package func obstacle(in layout: ParameterLayout) -> String? { rule.obstacle(in: layout) }
  package func workingCount(in layout: ParameterLayout) -> Int { rule.workingCount(in: layout) }
  package var evaluated: EvaluatedWeights? {
    EvaluatedWeights(state: rule.states.count, draws: false, words: "their moving average")
  }

  package func update(
    _ held: [UpdateStretch], step: Int, learningRate: Double, gradientScale: Float, gradientNorm: Double,
    sums: any ParameterSums, engine: Engine, finished: (Int) -> Void
  ) {
    let place = rule.states.count
    if step == 1 {
      for stretch in held { engine.copy(stretch.weights, count: stretch.count, into: stretch.floats(place)) }
    }
    rule.update(
      held, step: step, learningRate: learningRate, gradientScale: gradientScale, gradientNorm: gradientNorm,
      sums: sums, engine: engine, finished: { _ in })
    let keep = warmsUp ? min(decay, Double(1 + step) / Double(10 + step)) : decay
    let take = Vector(repeating: Float(1 - keep))
    for (index, stretch) in held.enumerated() {
      let (w, e) = (stretch.weights, stretch.floats(place))
      engine.forEachStretch(stretch.count) { range in
        forEachVector(in: range) {
          let old = $0.load(e)
          $0.store(old.addingProduct($0.load(w) - old, take), e)
        }
      }
      finished(index)
    }
  }
}

// What is done to the weights behind an optimizer's update, with states of its own: whatever holds, cuts, writes and reads
// the states of an optimizer does so with these.
import Kernels
import Tensors

package protocol UpdateSequel: Sendable {
  var states: [OptimizerState] { get }

  /// Called when all ranges are updated. Collective, as the update of a rule.
  /// - Parameters:
  ///   - held: the ranges with their new weights, and the gradients that these come from.
  ///   - firstState: where the sequel's states begin among those of a range.
  ///   - step, gradientScale: those of the update.
  func follow(
    _ held: [UpdateStretch], firstState: Int, step: Int, gradientScale: Float, sums: any ParameterSums,
    engine: Engine)
}

/// A rule with a sequel.
package struct FollowedRule: UpdateRule {
  package var rule: any UpdateRule
  package var sequel: any UpdateSequel

  package init(_ rule: any UpdateRule, then sequel: any UpdateSequel) {
    self.rule = rule
    self.sequel = sequel
  }

  package var states: [OptimizerState] { rule.states + sequel.states }
  package var evaluated: EvaluatedWeights? { rule.evaluated }

  package func obstacle(in layout: ParameterLayout) -> String? { rule.obstacle(in: layout) }
  package func workingCount(in layout: ParameterLayout) -> Int { rule.workingCount(in: layout) }

  package func update(
    _ held: [UpdateStretch], step: Int, learningRate: Double, gradientScale: Float, gradientNorm: Double,
    sums: any ParameterSums, engine: Engine, finished: (Int) -> Void
  ) {
    rule.update(
      held, step: step, learningRate: learningRate, gradientScale: gradientScale, gradientNorm: gradientNorm,
      sums: sums, engine: engine, finished: { _ in })
    sequel.follow(
      held, firstState: rule.states.count, step: step, gradientScale: gradientScale, sums: sums,
      engine: engine)
    for index in held.indices { finished(index) }
  }
}

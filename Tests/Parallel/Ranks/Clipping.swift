// Clipping by the global norm of gradients that lie in shards on many ranks.
import Base
import Datasets
import Foundation
import Optimizers
import Reference
import Sharding

/// The norm is that of the whole gradient, with tied weights counted once, and weights move as one process computes
/// in fp64. Fails if a rank clips by the norm of its shard, if the tied table counts as two parameters, or if moments
/// are not computed from the clipped gradient.
func checkClipping(_ outcome: inout Outcome, model: String) throws {
  let run = try SmallRun(outcome.ranks, model: model, rows: [(40, 39), (25, 24), (33, 10), (60, 59), (9, 8)])
  let all = Array(0..<run.rows.count)
  let layout = run.layout
  let (_, gradient) = run.whole(all)
  let global = norm(gradient)
  let table = layout.parameters.filter { $0.spec.shape.first == run.replica.description.family.vocabulary }
  outcome.expect(table.count == 1, "\(table.count) tables of the vocabulary, where tied weights are one")
  let twice = (pow(global, 2) + pow(norm(Array(gradient[table[0].range])), 2)).squareRoot()
  outcome.expect(twice / global > 1.01, "the tied table would not show if it were counted twice")
  let map = ShardMap(
    layout: layout, stage: .optimizer, rank: outcome.ranks.rank, ranks: outcome.ranks.count)
  let own = norm(map.held.flatMap { gradient[$0.line] })
  outcome.expect(outcome.ranks.count == 1 || own / global < 0.99, "a norm of a shard would not show")

  // A large epsilon keeps the size of the gradient in the update, so that the clip shows in the weights.
  let rule = AdamW(beta1: 0.8, beta2: 0.9, epsilon: 0.1, weightDecay: 0.1)
  let (rate, clip) = (0.01, 0.25 * global)
  let start = run.weights
  for stage in ZeroStage.allCases {
    run.replica.weights.floats.update(from: start, count: start.count)
    let step = try run.step(rows: all, stage: stage, clip: clip, rule: rule, rate: rate)
    outcome.expect(abs(step.report.gradientNorm / global - 1) <= 1e-6, "norm, ZeRO \(stage.rawValue)")
    func expected(norm: Double) -> [Float] {
      var weights = start
      for parameter in layout.parameters {
        for index in parameter.range {
          let g = Double(gradient[index]) * min(1, clip / (norm + 1e-6))
          // In the first step, bias correction makes both moments those of the gradient itself.
          let update = g / (abs(g) + rule.epsilon)
          let decay = parameter.spec.decays ? rate * rule.weightDecay : 0
          weights[index] = Float(Double(start[index]) * (1 - decay) - rate * update)
        }
      }
      return weights
    }
    func change(_ weights: [Float]) -> [Float] { zip(weights, start).map { $0 - $1 } }
    let moved = change(run.weights)
    let error = relativeError(moved, change(expected(norm: global)))
    outcome.expect(error <= 1e-4, "weights move \(error) off, ZeRO \(stage.rawValue)")
    for wrong in [twice, own, 0] where wrong != global {
      if outcome.ranks.count == 1, wrong == own { continue }
      let error = relativeError(moved, change(expected(norm: wrong)))
      outcome.expect(error > 1e-3, "a norm of \(wrong) instead of \(global) would not show: \(error)")
    }
    // Moments of the clipped gradient.
    let scale = clip / (global + 1e-6)
    let first = gradient.map { Float(Double($0) * scale * 0.2) }
    outcome.expect(relativeError(step.states[0], first) <= 1e-5, "first moments, ZeRO \(stage.rawValue)")
  }
}

// Steps over ranks whose micro-batches have very unequal numbers of target tokens, or none.
import Base
import Datasets
import Reference
import Sharding

/// Loss, gradient and norm over ranks and micro-batches are those of one big batch. Fails if losses or gradients are
/// averaged by micro-batch or by rank: the mean of means is computed here too, and is far off.
func checkUnequalTargets(_ outcome: inout Outcome, model: String) throws {
  let run = try SmallRun(
    outcome.ranks, model: model, rows: [(12, 1), (901, 900), (3, 2), (40, 7), (9, 1), (5, 4)])
  let all = Array(0..<run.rows.count)
  let targets = 915
  let (loss, gradient) = run.whole(all)
  let parts = all.map { run.whole([$0]) }
  let counts = run.rows.targetCounts.map { Double($0) }
  let meanOfMeans = zip(parts, counts).reduce(0.0) { $0 + $1.0.loss / $1.1 } / 6
  outcome.expect(abs(meanOfMeans / (loss / 915) - 1) > 1e-3, "the mean of means would not show in the loss")
  var meanGradient = [Float](repeating: 0, count: gradient.count)
  for part in parts { for index in meanGradient.indices { meanGradient[index] += part.gradient[index] / 6 } }
  outcome.expect(relativeError(meanGradient, gradient) > 0.1, "nor in the gradient")
  outcome.expect(abs(norm(meanGradient) / norm(gradient) - 1) > 0.1, "nor in the norm")

  for stage in ZeroStage.allCases {
    for size in [1, 2, 4] {
      for exact in [true, false] {
        let step = try run.step(rows: all, microBatchSize: size, stage: stage, exact: exact)
        let what = "ZeRO \(stage.rawValue), micro-batches of \(size), exact \(exact)"
        outcome.expect(step.report.units == targets, "\(what): \(step.report.units) targets")
        outcome.expect(step.report.tokens == 970, "\(what): \(step.report.tokens) tokens")
        let mean = step.report.loss ?? .nan
        outcome.expect(abs(mean / (loss / Double(targets)) - 1) <= 1e-6, "\(what): loss \(mean)")
        outcome.expect(abs(step.report.gradientNorm / norm(gradient) - 1) <= 1e-5, "\(what): norm")
        let error = relativeError(step.gradient, gradient)
        outcome.expect(error <= 1e-5, "\(what): gradient is \(error) off")
      }
    }
  }
}

/// A micro-batch, a rank or a whole step without targets. Fails if a mean over no token is NaN, if such a micro-batch
/// still counts in a mean, or if a step without targets moves weights by old moments or decay.
func checkEmptyParts(_ outcome: inout Outcome, model: String) throws {
  let run = try SmallRun(
    outcome.ranks, model: model,
    rows: [(12, 5), (8, 0), (30, 11), (6, 0), (1, 0), (9, 3), (4, 0), (20, 0)])
  let empty = [1, 3, 4, 6, 7]
  // Rows 1, 3, 6, … are those of one rank at two ranks, and of others at more.
  for (name, rows, full) in [
    ("a micro-batch", [0, 1, 2, 5], [0, 2, 5]), ("every second rank", [0, 1, 2, 3, 5, 4], [0, 2, 5]),
    ("all ranks but one", [2] + empty, [2]),
  ] {
    let (loss, gradient) = run.whole(full)
    let targets = run.rows.targetCount(of: full)
    for exact in [true, false] {
      let step = try run.step(rows: rows, exact: exact)
      outcome.expect(step.report.units == targets, "\(name): targets")
      outcome.expect(abs((step.report.loss ?? .nan) / (loss / Double(targets)) - 1) <= 1e-6, "\(name): loss")
      let error = relativeError(step.gradient, gradient)
      outcome.expect(error <= 1e-5, "\(name): gradient is \(error) off")
    }
  }
  let before = run.weights
  let still = try run.step(2, rows: empty, microBatchSize: 2, clip: 1, rate: 0.1)
  outcome.expect(still.report.loss == nil && still.report.units == 0, "a step without targets: loss")
  outcome.expect(still.report.gradientNorm == 0, "a step without targets: norm \(still.report.gradientNorm)")
  outcome.expect(sameBits(run.weights, before), "a step without targets moves weights")
  outcome.expect(still.states.allSatisfy { $0.allSatisfy { $0 == 0 } }, "a step without targets: moments")
  let next = try run.step(3, rows: [0, 2], clip: 1, rate: 0.1)
  outcome.expect(next.report.loss?.isFinite == true && !sameBits(run.weights, before), "it goes on")
}

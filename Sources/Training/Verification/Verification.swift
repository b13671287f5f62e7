// Shows on a user's own model, data and cluster that the result of a run does not depend on its arrangement.
import Base
import Checkpoints
import Collectives
import Foundation
import Recipes
import Tensors

/// One line of the table.
package struct VerificationRow: Sendable {
  package var name: String
  package var loss: Double?
  /// ‖w − w₀‖ / ‖w₀‖ of the parameter that differs most from the first arrangement.
  package var difference: Double
  package var hash: String
  package var isEqual: Bool
}

/// Runs the first steps of a recipe in several arrangements of the same ranks.
package struct Verification {
  private let recipe: Recipe
  private let ranks: Ranks
  private let steps: Int
  private let arrangements: [Arrangement]
  private let folder: String

  /// - Parameters:
  ///   - steps: the steps of each arrangement, at least 2.
  ///   - arrangements: the reference first; by default all that `verify` tries.
  package init(_ recipe: Recipe, ranks: Ranks, steps: Int, arrangements: [Arrangement]? = nil) {
    self.recipe = recipe
    self.ranks = ranks
    self.steps = steps
    self.arrangements =
      arrangements ?? Arrangement.all(ranks: ranks.count, steps: steps, context: recipe.parallel.context)
    folder = recipe.output + "/verify"
  }

  /// The result of the comparison.
  package struct Result {
    /// Whether all arrangements gave the same bits.
    package var isEqual: Bool
    package var arrangements: Int
    /// How many numbers of each arrangement were compared; known to the first rank.
    package var numbers = 0
  }

  /// Collective; `each` is called on the first rank.
  /// - Throws: also if the steps have nothing to train on.
  package func run(each: (VerificationRow) -> Void) throws -> Result {
    defer { if ranks.isFirst { try? removeTree(folder) } }
    try ranks.together {
      if ranks.isFirst { try removeTree(folder) }
    }
    var reference: (path: String, hash: String)?
    var result = Result(isEqual: true, arrangements: arrangements.count)
    for (number, arrangement) in arrangements.enumerated() {
      let output = "\(folder)/\(number)"
      let (loss, path) = try run(arrangement, output: output)
      try ranks.together {
        guard ranks.isFirst else { return }
        let summary = try CheckpointSummary(folder: path)
        let hash = try summary.hash()
        let first = reference ?? (path, hash)
        let difference =
          reference == nil ? 0 : try largestDifference(summary, try CheckpointSummary(folder: first.path))
        each(
          VerificationRow(
            name: arrangement.name, loss: loss, difference: difference, hash: hash,
            isEqual: hash == first.hash))
        result.isEqual = result.isEqual && hash == first.hash
        result.numbers = summary.numbers
        reference = first
        if number > 0 { try removeTree(output) }
      }
    }
    result.isEqual = ranks.sum(ranks.isFirst && !result.isEqual ? 1 : 0) == 0
    return result
  }

  /// - Throws: if the steps would leave the weights as they are, so that anything would agree.
  private func checkTargets(_ data: RunData) throws {
    guard data.steps >= steps else {
      throw UserError(.usage, "is \(steps), and the run has \(counted(data.steps, "step"))", at: "--steps")
    }
    let sequences = data.dataset.train
    var stream = data.stream
    let epoch = (sequences.count + stream.batchSize - 1) / stream.batchSize
    let first = (0..<epoch).first { sequences.targetCount(of: stream.sequences(step: $0)) > 0 }
    guard let first, first >= steps else { return }
    throw UserError(
      .data, "the first \(steps) steps hold no token to predict, and would agree whatever is wrong",
      at: "--steps",
      hint: "set --steps \(first + 1)")
  }

  /// The loss of the last step, on the first rank, and the checkpoint after it.
  private func run(_ arrangement: Arrangement, output: String) throws -> (loss: Double?, path: String) {
    let losses = LastLoss()
    var recipe = recipe
    recipe.output = output
    recipe.parallel.zero = arrangement.zero
    recipe.parallel.threads = arrangement.threads
    recipe.training.activations.recompute = arrangement.recompute
    recipe.training.validateEvery = 0
    recipe.data.validation = .none
    for (index, part) in recipe.parts.enumerated() {
      var data = part.recipe.data
      data.validation = .none
      recipe.set(data, ofPart: index)
    }
    recipe.checkpoint.every = .steps(0)
    recipe.checkpoint.resume = .auto
    recipe.checkpoint.keep = 1
    var stages = [(ranks: arrangement.ranks, end: steps)]
    if let stop = arrangement.stop { stages = [(arrangement.ranks, stop.step), (stop.ranks, steps)] }
    for stage in stages {
      let part = ranks.first(stage.ranks)
      if let stop = arrangement.stop, stage.end == steps {
        // Ask for it by name, since a damaged checkpoint must not be passed over.
        recipe.checkpoint.resume = .folder(CheckpointFolder(output: output).path(step: stop.step))
      }
      try ranks.together {
        guard let part else { return }
        let run = try Run(
          recipe, ranks: part, threads: arrangement.threads, observers: [losses], ledger: MemoryLedger())
        try checkTargets(run.data)
        try run.train(until: stage.end)
      }
      part?.finish()
    }
    return (losses.value, CheckpointFolder(output: output).path(step: steps))
  }

  private func largestDifference(_ a: CheckpointSummary, _ b: CheckpointSummary) throws -> Double {
    var worst = 0.0
    for parameter in a.layout.parameters {
      let name = parameter.spec.name
      let x = try a.weights.floats(a.tensor(of: name), count: parameter.range.count)
      let y = try b.weights.floats(b.tensor(of: name), count: parameter.range.count)
      let distance = zip(x, y).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
      let size = y.reduce(0) { $0 + Double($1) * Double($1) }
      let relative = (distance / max(size, 1e-300)).squareRoot()
      worst = relative.isNaN ? .infinity : max(worst, relative)
    }
    return worst
  }
}

private final class LastLoss: Observer {
  var value: Double?
  func stepped(_ report: StepReport, validation: Evaluation?) { value = report.loss }
}

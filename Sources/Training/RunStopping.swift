// Benchmarks of a run, and its end where it does not get better.
import Base
import Checkpoints
import Collectives
import Foundation
import Recipes

extension Run {
  /// The numbers of all benchmarks, if they are due. Collective.
  func measureTasks(after number: Int, isLast: Bool) throws -> [(name: String, value: Double)] {
    guard let tasks, tasks.isDue(after: number, isLast: isLast) else { return [] }
    step.finish()
    return try step.withEvaluated { try tasks.run() }
  }

  /// Notes what early stopping watches, if it was measured.
  /// - Returns: whether it was never better.
  func note(
    _ validation: Evaluation?, _ numbers: [(name: String, value: Double)], at number: Int
  ) -> Bool {
    guard let measure = stopping?.recipe.measure else { return false }
    let value =
      measure == .validationLoss
      ? validation?.loss
      : numbers.first { $0.name == measure.name || $0.name.hasPrefix(measure.name + ",") }?.value
    guard let value, stopping?.note(value, at: number) == true else { return false }
    saves.best = number
    return true
  }

  func words(of stopping: EarlyStopping, after number: Int) -> String {
    let best = stopping.best.map { ": the best was \($0.value) after step \($0.step)" } ?? ""
    return
      "stopped early after step \(number) of \(data.steps), as \(stopping.recipe.measure.name) has not become "
      + "better \(counted(stopping.recipe.patience, "time")) in a row\(best)"
  }

  /// Gives the weights those of the best step, if the recipe asks for them. Collective.
  func restoreBest(after number: Int) throws {
    guard let stopping, stopping.recipe.restore == .best, let best = stopping.best, best.step != number else {
      return
    }
    let path = checkpoints.path(step: best.step)
    let isThere = ranks.broadcast(
      ranks.isFirst && checkpoints.complete.contains { $0.step == best.step } ? "1" : "")
    guard isThere == "1" else {
      return try tell { try $0.warned("\(path) is not there, so that the model is that of step \(number)") }
    }
    try ranks.together {
      try fillTrained(
        from: try RunReader(
          model.description, recipe, layout: replica.store.layout, checkpoint: path, engine: replica.engine))
    }
    replica.weights.refreshVectors()
    try tell {
      try $0.noted(
        "the model is that of step \(best.step), whose \(stopping.recipe.measure.name) is the best")
    }
  }
}

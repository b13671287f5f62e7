// Benchmarks of a run, and what ends it before its last step.
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

  /// A finding of an audit also goes to failure.json, for programs.
  func reported(_ step: () throws -> StepReport) throws -> StepReport {
    do { return try step() } catch let finding as AuditFinding {
      FailureFile.write(finding.report, in: recipe.output)
      throw finding.error
    }
  }

  func stopped(after step: Int, _ request: RunRequest) -> any Error {
    guard ranks.isFirst else { return Ranks.StoppedElsewhere(code: .tryAgain) }
    StopFile.write(request, after: step, of: data.steps, in: recipe.output)
    let reason = request == .stopByTime ? "as its time is nearly over" : "by a signal"
    return UserError(
      .tryAgain, "stopped \(reason) after step \(step) of \(data.steps), with a checkpoint",
      at: checkpoints.path(step: step), hint: "start again to go on")
  }

  /// Reports numbers that are out of order.
  /// - Throws: if the run has to end. Its weights are those of the step before.
  func checkNumbers(_ report: StepReport) throws {
    if let flaw = report.flaw {
      throw UserError(
        .software, flaw, at: "task",
        hint: "the model does not give the same numbers twice; please report it")
    }
    guard let finding = report.finding else { return }
    let words = finding.words(step: report.step)
    guard finding.stops else {
      let action = finding.isWithheld ? "not applied (\(step.watch.history.skipped) so far)" : "applied"
      for observer in observers { try observer.warned("\(words): \(action)") }
      return
    }
    throw UserError(
      .data, words, at: recipe.output,
      hint: checkpoints.complete.last.map {
        "the checkpoint \($0.path) is from before; lower the learning rate"
      }
        ?? "check the model with swiftdp checkpoint verify \(recipe.model), or lower the learning rate")
  }
}

// How many trials fit into a time, by what `plan` expects of a step.
import Base
import Collectives
import Foundation
import Kernels
import Recipes
import Search

struct TrialCosts {
  /// Seconds for all trials, and of one step of a trial.
  private let budget: Double
  private let stepSeconds: Double
  private let steps: Int
  private let groups: Int

  /// What a trial takes beside its steps: reading, validation, checkpoints.
  private static let overhead = 1.2

  /// Measures this machine. Collective.
  init(_ text: String, _ arguments: [String], ranksPerTrial: Int, _ world: Ranks) throws {
    let engine = try world.together { try Engine(threads: Launch.threads(world)) }
    var hosts = PlannedHosts.here(engine, world)
    (budget, stepSeconds, steps) = try world.together {
      guard let budget = seconds(of: text) else {
        throw UserError(
          .usage, "is \(text.quoted), which is no time", at: "--budget", hint: "such as 2h, 90m or 00:30:00")
      }
      let (recipe, _) = try readRecipe(arguments)
      guard case .steps(let steps) = recipe.training.duration else {
        throw UserError(
          .usage, "is missing, and trials have so many", at: "training.steps", hint: "set training.steps=300")
      }
      let local = min(ranksPerTrial, world.localCount)
      hosts.kinds[0].count = max(1, ranksPerTrial / local)
      // Other trials use the other cores.
      hosts.kinds[0].cores = max(1, hosts.kinds[0].cores * local / max(world.localCount, 1))
      hosts.kinds[0].ranks = local
      let planner = try Planner(recipe, hosts)
      let row = planner.row(planner.shape, planner.arrangement(ranksPerHost: local))
      return (budget, row.step.seconds, steps)
    }
    groups = max(1, world.count / ranksPerTrial)
  }

  /// The number of trials. A search that goes on has that of its first start.
  func trials(_ method: SearchMethod, most: Int, factor: Int, output: String) throws -> Int {
    let file = output + "/budget.json"
    if access(file, F_OK) == 0, let known = try OpenFile.json(file)["trials"]?.integer, known > 0 {
      return min(known, most)
    }
    func cost(_ count: Int) -> Double {
      var done = Double(count * steps)
      if method == .halving {
        let rungs = Halving(steps: steps, trials: count, factor: factor).rungs
        var (left, before) = (count, 0)
        done = 0
        for rung in rungs {
          done += Double(left * (rung - before))
          (left, before) = (max(1, (left + factor - 1) / factor), rung)
        }
      }
      return done * stepSeconds * Self.overhead / Double(groups)
    }
    var count = 1
    while count < most, cost(count + 1) <= budget { count += 1 }
    return count
  }

  /// Keeps the number of trials for a later start.
  func keep(_ trials: Int, output: String) throws {
    let file = output + "/budget.json"
    guard access(file, F_OK) != 0 else { return }
    do {
      let json = JSON.object(["trials": .integer(trials), "step_seconds": .number(stepSeconds)])
      try Data((json.encoded() + "\n").utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: file)
    }
  }
}

// Benchmarks while a run trains: the same numbers as `swiftdp evaluate --tasks` gives for the checkpoint of the step.
import Base
import Collectives
import Evaluation
import Objectives
import Recipes
import Tokenizers

final class RunTasks {
  let recipe: EvaluationRecipe
  private let prepared: PreparedTasks
  private let model: TaskModel
  private let ranks: Ranks

  /// Reads the rows and writes the prompts. Collective.
  /// - Returns: nil where the recipe has no tasks.
  /// - Throws: what is wrong with the tasks, or that the model makes no texts.
  init?(_ recipe: Recipe, _ replica: Replica, ranks: Ranks) throws {
    guard let own = recipe.training.evaluation else { return nil }
    self.recipe = own
    self.ranks = ranks
    (prepared, model) = try ranks.together {
      let model = try TaskModel(
        replica.description, weights: replica.store, engine: replica.engine,
        tokenizer: try Tokenizer(folder: recipe.model), folder: recipe.model)
      var options = TaskOptions()
      options.data = own.data
      options.limit = own.limit
      options.shots = own.shots
      options.batchSize = own.batchSize
      options.needsDetails = false
      return (try PreparedTasks(try TaskSet(own.tasks), options, for: model), model)
    }
    if case .task(let name, let metric)? = recipe.training.stopping?.measure {
      try ranks.together { try check(name, metric) }
    }
  }

  private func check(_ name: String, _ metric: String) throws {
    let key = "training.early_stopping.on"
    guard let task = prepared.set.tasks.first(where: { $0.name == name }) else {
      let names = prepared.set.tasks.map(\.name)
      throw UserError(
        .usage, "names the task \(name.quoted), which is not run", at: key,
        hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
          ?? "there are \(names.joined(separator: ", "))")
    }
    guard task.isHigherBetter(metric) != nil else {
      throw UserError(
        .usage, "names \(metric.quoted), which the task \(name) does not have", at: key,
        hint: "it has \(task.metricNames.joined(separator: ", "))")
    }
  }

  func isDue(after step: Int, isLast: Bool) -> Bool { isLast || step % recipe.every == 0 }

  /// All numbers by their names, such as `arc_easy.acc`. Collective.
  func run() throws -> [(name: String, value: Double)] {
    try prepared.run(model, ranks: ranks).flatMap { result in
      result.numbers.compactMap { number in
        let parts = number.key.split(separator: ",", maxSplits: 1).map(String.init)
        guard !parts[0].hasSuffix("_stderr"), let value = number.value.double else { return nil }
        // Without the name of a filter that does nothing.
        let metric = parts[1] == "none" ? parts[0] : number.key
        return ("\(result.task.name).\(metric)", value)
      }
    }
  }

  /// Whether a larger number of a measure is better.
  func isHigherBetter(_ measure: StoppingRecipe.Measure) -> Bool {
    guard case .task(let name, let metric) = measure else { return false }
    return prepared.set.tasks.first { $0.name == name }?.isHigherBetter(metric) ?? true
  }
}

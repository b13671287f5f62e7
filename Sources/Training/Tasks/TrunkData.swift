// The data of several tasks over one trunk: each task reads its own, and has its samples of every step.
import Base
import Collectives
import Datasets
import Models
import Recipes

struct TrunkData {
  /// Of each task alone.
  let recipes: [Recipe]
  /// All of as many steps: so many that each task sees its data as often as the recipe says, or more.
  let data: [RunData]

  /// Nil for a recipe of one task. Collective.
  /// - Parameters:
  ///   - recipe: settled; receives what backward computes again, if the run is to choose it.
  ///   - caching: fills the caches that tasks name.
  init?(
    _ recipe: inout Recipe, _ description: ModelDescription, ranks: Ranks, threads: Int, caching: DataCaching?
  ) throws {
    guard !recipe.tasks.isEmpty else { return nil }
    var recipes = recipe.tasks.indices.map(recipe.part)
    let read = try zip(recipes.indices, description.eachTask).map { task, description in
      let own = recipes[task]
      return try RunData.checked(
        &recipes[task], description, ranks: ranks, threads: threads,
        caching: own.data.cache == nil ? nil : caching)
    }
    // What the largest of them needs holds for all.
    let most = recipes.map(\.training.activations.recompute).max { $0.rank < $1.rank } ?? .none
    recipe.training.activations.recompute = most
    for task in recipes.indices { recipes[task].training.activations.recompute = most }
    let steps = read.map(\.steps).max() ?? 0
    self.recipes = recipes
    data = try ranks.together {
      try read.indices.map { try read[$0].lasting(steps, recipes[$0], description.active($0)) }
    }
  }

  var first: RunData { data[0] }

  /// See `RunData.notes`; those of each task begin with its name.
  func notes(_ recipe: Recipe, _ description: ModelDescription) throws -> [String] {
    let problems = Problems()
    let notes = data.indices.flatMap { task -> [String] in
      let own = problems.collect { try data[task].notes(recipes[task], description.active(task)) }
      return (own ?? []).map { "\(recipe.tasks[task].share.name): \($0)" }
    }
    try problems.throwIfAny()
    return notes
  }

  /// Recognises the data of all tasks when a run resumes.
  var fingerprint: String {
    zip(data, recipes).map { data, recipe in
      "\(data.fingerprint) \(recipe.data.shuffle) \(recipe.data.groupsByLength)"
    }.joined(separator: ", ")
  }

  /// - Throws: if the disk has lost something of it.
  func check() throws { for data in data { try data.dataset.check() } }

  /// What was read. Units are samples, since those of tasks differ.
  var summary: RunDataSummary {
    var whole = RunDataSummary(first.dataset.summary)
    for other in data.dropFirst().map({ RunDataSummary($0.dataset.summary) }) {
      whole.files += other.files
      whole.droppedTokens += other.droppedTokens
      whole.train.add(other.train)
      guard let more = other.validation else { continue }
      var validation = whole.validation ?? SequencesSummary(sequences: 0, tokens: 0, targets: 0)
      validation.add(more)
      whole.validation = validation
    }
    whole.train.targets = whole.train.sequences
    let measured = whole.validation?.sequences ?? 0
    whole.validation?.targets = measured
    return whole
  }
}

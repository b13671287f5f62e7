// The data of what a run trains in one pass, several tasks over one trunk or several adapters on one base: each reads its
// own, and has its samples of every step.
import Base
import Collectives
import Datasets
import Models
import Recipes

struct PartData {
  /// Of each part alone.
  let recipes: [Recipe]
  let names: [String]
  /// All of as many steps: so many that each task sees its data as often as the recipe says, or more.
  let data: [RunData]
  /// The parts whose data was read for them, and is not that of an earlier one.
  private let readers: [Int]
  private let areTasks: Bool

  /// Nil for a recipe of one part. Collective.
  /// - Parameters:
  ///   - recipe: settled; receives what backward computes again, if the run is to choose it.
  ///   - caching: fills the caches that parts name.
  init?(
    _ recipe: inout Recipe, _ description: ModelDescription, ranks: Ranks, threads: Int, caching: DataCaching?
  ) throws {
    let parts = recipe.parts
    guard !parts.isEmpty else { return nil }
    areTasks = recipe.adapters.isEmpty
    names = parts.map(\.name)
    readers = parts.indices.filter { [recipe] in recipe.adapters.isEmpty || recipe.adapters[$0].first == $0 }
    var recipes = parts.map(\.recipe)
    let descriptions = areTasks ? description.eachTask : parts.map { _ in description }
    var read: [RunData] = []
    for part in recipes.indices {
      guard readers.contains(part) else {
        read.append(read[recipe.adapters[part].first])
        continue
      }
      let own = recipes[part]
      read.append(
        try RunData.checked(
          &recipes[part], descriptions[part], ranks: ranks, threads: threads,
          caching: own.data.cache == nil ? nil : caching))
    }
    // What the largest of them needs holds for all.
    let most = recipes.map(\.training.activations.recompute).max { $0.rank < $1.rank } ?? .none
    recipe.training.activations.recompute = most
    for part in recipes.indices { recipes[part].training.activations.recompute = most }
    let steps = read.map(\.steps).max() ?? 0
    self.recipes = recipes
    data = try ranks.together { [names, areTasks] in
      if !areTasks, let short = read.firstIndex(where: { $0.steps < steps }),
        let long = read.firstIndex(where: { $0.steps == steps })
      {
        throw UserError(
          .usage,
          "make \(read[short].steps) steps of the data of \(names[short]) and \(steps) of that of \(names[long]), "
            + "and adapters in one pass take as many", at: "training.epochs",
          hint: "set training.steps=\(steps)")
      }
      return try read.indices.map { try read[$0].lasting(steps, recipes[$0], descriptions[$0]) }
    }
  }

  var first: RunData { data[0] }

  /// See `RunData.notes`; those of each part begin with its name.
  func notes(_ description: ModelDescription) throws -> [String] {
    let problems = Problems()
    let notes = readers.flatMap { part -> [String] in
      let model = areTasks ? description.active(part) : description
      let own = problems.collect { try data[part].notes(recipes[part], model) }
      return (own ?? []).map { "\(names[part]): \($0)" }
    }
    try problems.throwIfAny()
    return notes
  }

  /// Recognises the data of all parts when a run resumes.
  var fingerprint: String {
    zip(data, recipes).map { data, recipe in
      "\(data.fingerprint) \(recipe.data.shuffle) \(recipe.data.groupsByLength)"
    }.joined(separator: ", ")
  }

  /// - Throws: if the disk has lost something of it.
  func check() throws { for part in readers { try data[part].dataset.check() } }

  /// What was read, and what all parts learn of it. Units of tasks are samples, since their own differ.
  var summary: RunDataSummary {
    var whole = RunDataSummary(first.dataset.summary)
    for part in data.indices.dropFirst() {
      let other = RunDataSummary(data[part].dataset.summary)
      if readers.contains(part) {
        whole.files += other.files
        whole.droppedTokens += other.droppedTokens
      }
      whole.train.add(other.train)
      guard let more = other.validation else { continue }
      var validation = whole.validation ?? SequencesSummary(sequences: 0, tokens: 0, targets: 0)
      validation.add(more)
      whole.validation = validation
    }
    guard areTasks else { return whole }
    whole.train.targets = whole.train.sequences
    let measured = whole.validation?.sequences ?? 0
    whole.validation?.targets = measured
    return whole
  }
}

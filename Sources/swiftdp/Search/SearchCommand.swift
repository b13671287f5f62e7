// swiftdp search
import ArgumentParser
import Base
import Collectives
import Foundation
import Recipes
import Search
import Training

struct SearchCommand: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Try settings of a recipe, and find those with the lowest loss on validation data.",
    discussion: """
      Example: mpirun -np 8 swiftdp search run.yaml --space space.yaml --trials 32 --ranks-per-trial 2
      space.yaml names settings with their ranges:
        optimizer.learning_rate: {log: [1e-5, 1e-2]}
        schedule.warmup_steps: {int: [0, 50]}
        method.name: {choice: [lora, full]}
        method.rank: {choice: [4, 8], when: {method.name: lora}}
      OUTPUT/results.csv has a line for each trial, and OUTPUT/best.yaml is a recipe. A search that was stopped goes
      on when it is started again. docs/search.md tells more.
      """)

  @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
  var recipeAndSettings: [String] = []
  @Option(help: "A YAML file with the ranges of settings.", transform: Launch.path)
  var space: String
  @Option(help: "The most trials.")
  var trials = 32
  @Option(
    help: "A time such as 2h for all trials: as many are made as plan expects to end in it, at most --trials."
  )
  var budget: String?
  @Option(help: "Ranks that train one trial; the others train other trials meanwhile.")
  var ranksPerTrial = 1
  @Option(help: "grid, random, halving, tpe or range.")
  var method = SearchMethod.random
  @Option(help: "The seed of random settings.")
  var seed: UInt64 = 0
  @Option(help: "Values of each range in a grid.")
  var points = 3
  @Option(help: "With tpe: trials that are drawn at once; they do not know of each other.")
  var atOnce = 4
  @Option(help: "With halving: how many times fewer trials go on with as many times more steps.")
  var factor = 3

  func validate() throws {
    guard trials > 0, ranksPerTrial > 0, points > 0, atOnce > 0 else {
      throw ValidationError("--trials, --ranks-per-trial, --points and --at-once are at least 1")
    }
    guard factor > 1 else { throw ValidationError("--factor is at least 2") }
  }

  func run() throws {
    signal(SIGPIPE, SIG_IGN)
    try onRanks { world in
      let costs = try budget.map {
        try TrialCosts($0, recipeAndSettings, ranksPerTrial: ranksPerTrial, world)
      }
      var search = try world.together { try prepared(world, costs) }
      let lock = try world.together {
        world.isFirst ? try OutputLock(output: search.output, host: Ranks.hostName) : nil
      }
      defer { withExtendedLifetime(lock) {} }
      try world.together {
        if world.isFirst { try makeFolders(search.output) }
        try lock?.begin()
        if world.isFirst, let costs {
          try costs.keep(search.count, output: search.output)
          Command.tell("\(counted(search.count, "trial")) fit into \(budget ?? "")")
        }
      }
      let threads = Launch.threads(world)
      search.shared = try search.sharedTokens(world, threads: threads)
      let base = try search.sharedBase(world, threads: threads)
      let group = world.group(world.rank / ranksPerTrial)
      defer { group.finish() }
      let runner = try TrialRunner(
        search, group: group, number: world.rank / ranksPerTrial, groups: world.count / ranksPerTrial,
        threads: threads, base: base)
      let rungs = Rungs(search, world: world, runner: runner)
      let results = try rungs.run()
      guard world.isFirst else { return }
      print(results)
    }
  }

  /// Reads recipe and space, and checks the settings of all trials.
  private func prepared(_ world: Ranks, _ costs: TrialCosts?) throws -> PreparedSearch {
    let (recipe, _) = try readRecipe(recipeAndSettings)
    if !recipe.adapters.isEmpty {
      throw UserError(
        .usage, "stands in the recipe, and trials are runs of one adapter each", at: "adapters",
        hint: "leave it out; or train the trials' settings as adapters of one run")
    }
    let file = try RecipeFile(space, assignments: [], paths: Launch.paths, problems: Problems())
    let problems = Problems()
    let top = Section(file.json, file: space, code: .usage, paths: Launch.paths, problems: problems)
    let ranges = SearchSpace(top)
    top.refuseUnknownKeys(of: "a search")
    if world.count % ranksPerTrial != 0 {
      problems.add(
        .usage, "is \(ranksPerTrial), and \(counted(world.count, "rank")) cannot be divided by it",
        at: "--ranks-per-trial", hint: "start a multiple of it")
    }
    if case .none = recipe.data.validation {
      problems.add(
        .usage, "is 0, and trials are compared by their loss on validation data", at: "data.validation",
        hint: "set data.validation=0.05")
    }
    let trials =
      try costs?.trials(method, most: self.trials, factor: factor, output: recipe.output) ?? self.trials
    var halving: Halving?
    if method == .halving || method == .range {
      if case .steps(let steps) = recipe.training.duration {
        halving = method == .range ? nil : Halving(steps: steps, trials: trials, factor: factor)
      } else {
        problems.add(
          .usage,
          "is missing, and \(method == .range ? "the rate rises over them" : "rungs are parts of it")",
          at: "training.steps",
          hint: "set training.steps=300")
      }
    }
    if method == .range, let mistake = RangeTest.mistake(ranges) {
      problems.add(.usage, mistake, at: "--space", hint: "optimizer.learning_rate: {log: [1e-7, 1]}")
    }
    try problems.throwIfAny()
    let all = method.trials(ranges, count: trials, seed: seed, points: points)
    // Every trial is read before the first one starts.
    var servesBase = false
    for trial in all {
      problems.collect {
        let (recipe, _) = try readRecipe(recipeAndSettings + trial.assignments)
        servesBase = servesBase || SharedBase.serves(recipe)
      }
      try problems.throwIfAny()
    }
    return PreparedSearch(
      arguments: recipeAndSettings, output: recipe.output, space: ranges, trials: all, halving: halving,
      parzen: method == .tpe ? TreeParzen(ranges, seed: seed) : nil, count: trials, atOnce: atOnce,
      isRange: method == .range, servesBase: servesBase)
  }
}

extension SearchMethod: ExpressibleByArgument {}

/// What all ranks know before the first trial.
struct PreparedSearch {
  /// The recipe and its settings, as they are given.
  let arguments: [String]
  let output: String
  let space: SearchSpace
  let trials: [Trial]
  /// nil to train all trials to their end.
  let halving: Halving?
  /// What draws trials from what came of earlier ones; nil where all are known. `trials` are then the first ones.
  let parzen: TreeParzen?
  /// The most trials, and how many are drawn at once.
  let count: Int
  let atOnce: Int
  /// Whether the one trial is a test of learning rates.
  let isRange: Bool
  /// Whether a trial that is known leaves the base as it is.
  let servesBase: Bool
  /// Settings that every trial gets beside its own.
  var shared: [String] = []

  /// Where a trial's run is.
  func folder(of trial: Int) -> String { "\(output)/trials/\(zeroPadded(String(trial), to: 4))" }

  /// - Parameter more: other settings.
  func recipe(of trial: Trial, output: String? = nil, more: [String] = []) throws -> Recipe {
    try readRecipe(
      arguments + trial.assignments + more + [
        "output=\(JSON.string(output ?? folder(of: trial.number)).encoded())"
      ]
    )
    .0
  }
}

// swiftdp train
import ArgumentParser
import Base
import Collectives
import Foundation
import Recipes
import Reports
import Tensors
import Training

struct Train: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Fine-tune a model.",
    discussion: """
      A recipe is a YAML file; settings of the form section.key=value win over it. Values are YAML:
        swiftdp train run.yaml training.steps=500 data.train=[a.txt,b.jsonl] 'optimizer={name: adamw}'
      Without a recipe and without model and data, the model and the tasks that ship with swiftdp are used.
      docs/configuration.md lists every key.
      """)

  @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
  var recipeAndSettings: [String] = []
  @Flag(help: "Print nothing but what is wrong.")
  var quiet = false
  @Flag(help: "Print an object for each event, a line each.")
  var json = false
  @Flag(help: "Behind each line of a step, one for each rank: how long it computed and waited.")
  var logRanks = false

  func validate() throws {
    if quiet, json { throw ValidationError("--quiet and --json exclude each other") }
  }

  func run() throws {
    // The reader of the output may leave, and the run goes on.
    signal(SIGPIPE, SIG_IGN)
    try onRanks { ranks in
      let (given, isQuickstart) = try ranks.together { try readRecipe(recipeAndSettings) }
      var recipe = given
      var kernelNotes: [String] = []
      if recipe.data.readsStandardInput { try ranks.shareStandardInput() }
      let lock = try ranks.together {
        ranks.isFirst ? try OutputLock(output: recipe.output, host: Ranks.hostName) : nil
      }
      defer { withExtendedLifetime(lock) {} }
      recipe = try given.withKernels(ranks) { kernelNotes.append($0) }
      recipe = try recipe.retrieved(ranks: ranks, threads: given.parallel.threads ?? Launch.threads(ranks)) {
        if !quiet { Command.tell($0) }
      }
      let console = Console(
        quiet ? .quiet : json ? .json : .all, terminal: { Launch.terminalForm },
        binding: CoreBinding.outcome.words, logsRanks: logRanks)
      let run = try Run(
        recipe, ranks: ranks, threads: Launch.threads(ranks),
        observers: RunObservers.all(recipe, console), ledger: MemoryLedger())
      for line in kernelNotes { console.noted(line) }
      run.asksRanks = logRanks
      if let threads = recipe.parallel.threads, let warning = Launch.warning(threads: threads, ranks),
        ranks.isFirst
      {
        console.noted("parallel.threads: " + warning)
      }
      try ranks.together { try lock?.begin() }
      if let warning = lock?.warning { console.warned(warning) }
      let job = ranks.isFirst ? JobTime.ask(isLimited: recipe.training.timeLimit != nil) : JobTime()
      if let note = job.note { console.noted(note) }
      let watch = try ranks.together {
        try Watch(
          ranks, hostName: Ranks.hostName,
          Watch.Settings(
            timeout: recipe.parallel.timeout, output: recipe.output, ports: recipe.parallel.ports))
      }
      defer { watch?.end() }
      // A block that is looked at says how much of the machine a run uses.
      if ranks.broadcast(ranks.isFirst && !quiet && !json && Launch.terminalForm != nil ? 1 : 0) == 1 {
        let rates = MachinePeak.productRates(run.replica.engine, ranks, type: recipe.elementType, runs: 2)
        console.peak = (rates.max() ?? 0) / Double(ranks.count)
      }
      let quickstart = isQuickstart ? try Quickstart(run, ranks: ranks) : nil
      try run.train(deadline: job.end)
      try quickstart?.finish(run, ranks: ranks)
    }
  }
}

/// The recipe that the arguments describe, and whether it is the shipped one, which is taken if they name neither a
/// recipe nor a model. An argument without an equals sign is a file.
/// - Parameter usual: settings that those of the arguments win over.
func readRecipe(_ arguments: [String], below usual: [String] = []) throws -> (Recipe, isQuickstart: Bool) {
  let settings = arguments.filter { $0.contains("=") }
  let files = arguments.filter { !$0.contains("=") }
  guard files.count <= 1 else {
    throw UserError(
      .usage, "\(files.count) recipes are given: \(files.joined(separator: ", "))",
      hint: "one YAML file, then settings section.key=value")
  }
  let isQuickstart = files.isEmpty && !settings.contains { $0.hasPrefix("model=") }
  let file = isQuickstart ? try Shipped.folder() + "/quickstart.yaml" : files.first
  return (try Recipe(file: file, assignments: usual + settings, paths: Launch.paths), isQuickstart)
}

// swiftdp train
import ArgumentParser
import Base
import Collectives
import Foundation
import Tensors
import Training

struct Train: ParsableCommand {
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

  func run() throws {
    try onRanks { ranks in
      let recipe = try ranks.together { try readRecipe(recipeAndSettings) }
      let console = Console(columns: Launch.terminalColumns)
      let run = try Run(
        recipe, ranks: ranks, threads: Launch.threads(ranks),
        observers: [console, MetricsLog(output: recipe.output)], ledger: MemoryLedger())
      try run.train()
    }
  }
}

/// The recipe that arguments describe: those without an equals sign before any slash are files.
func readRecipe(_ arguments: [String]) throws -> Recipe {
  let settings = arguments.filter { $0.contains("=") }
  let files = arguments.filter { !$0.contains("=") }
  guard files.count <= 1 else {
    throw UserError(
      .usage, "\(files.count) recipes are given: \(files.joined(separator: ", "))",
      hint: "one YAML file, then settings section.key=value")
  }
  return try Recipe(file: files.first, assignments: settings)
}

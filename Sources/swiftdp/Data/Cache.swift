// swiftdp data cache
import ArgumentParser
import Base
import Collectives
import Recipes
import Training

extension DataCommand {
  struct Cache: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract: "Prepare the tokens of a recipe's data in data.cache, and check those that are there.",
      discussion: """
        Example: mpirun -np 4 swiftdp data cache run.yaml data.cache=/scratch/tokens
        A run of the same recipe then starts without reading its files. Every byte of what is there already is checked;
        damaged parts are made anew.
        """)

    @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
    var recipeAndSettings: [String] = []

    func run() throws {
      try onRanks { ranks in
        let (given, _) = try ranks.together {
          let read = try readRecipe(recipeAndSettings)
          let parts = read.0.parts.map(\.recipe)
          guard (parts.isEmpty ? [read.0] : parts).allSatisfy({ $0.data.cache != nil }) else {
            throw UserError(.usage, "is missing", at: "data.cache", hint: "name a folder")
          }
          return read
        }
        let threads = given.parallel.threads ?? Launch.threads(ranks)
        let recipe = try given.retrieved(ranks: ranks, threads: threads) { Command.tell($0) }
        let parts = recipe.parts
        for (name, part) in parts.isEmpty ? [(name: "", recipe: recipe)] : parts {
          var part = part
          // The data of one adapter is that of a run of its own.
          part.adapters = []
          let data = try RunData.cached(part, ranks: ranks, threads: threads) { Command.tell($0) }
          guard ranks.isFirst else { continue }
          let (train, validation) = (data.dataset.summary.train, data.dataset.summary.validation)
          print(
            (name.isEmpty ? "" : name + ": ")
              + "train \(grouped(train.sequences)) sequences, \(grouped(train.tokens)) tokens"
              + (validation.map {
                " · validation \(grouped($0.sequences)) sequences, \(grouped($0.tokens)) tokens"
              } ?? "") + " · fingerprint \(data.fingerprint)")
        }
      }
    }
  }
}

// swiftdp data prepare
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Compression
import Datasets
import Foundation
import Preparation
import Recipes

extension DataCommand {
  struct Prepare: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract:
        "Clean, filter, deduplicate, sample, shuffle, split, augment and convert rows, by a recipe of steps.",
      discussion: """
        Example: mpirun -np 4 swiftdp data prepare prepare.yaml seed=1
        What is written does not depend on the number of ranks. A report says what each step removed, with examples.
        docs/data-preparation.md lists the steps.
        """)

    @Argument(help: "The recipe, a YAML file, and settings key=value.")
    var recipeAndSettings: [String]

    func run() throws {
      try onRanks { ranks in
        let (recipe, files, reportFile) = try ranks.together { try read(isFirst: ranks.isFirst) }
        if recipe.files.contains(where: StandardInput.isNamed) { try ranks.shareStandardInput() }
        var preparation = try Preparation(recipe, ranks: ranks) { try PreparationModel.load($0, ranks) }
        let lines = ProgressLines()
        preparation.progress = { count in
          if ranks.isFirst { lines.tell { counted(count, "row") } }
        }
        let report = try write(files, ranks) { try preparation.run(into: $0) }
        try ranks.together { try reportFile?.write(Array((report.encoded(indented: true) + "\n").utf8)) }
        if ranks.isFirst { print(PreparationTable.text(report) + "\nreport · \(recipe.report)") }
      }
    }

    /// Everything that can be wrong before any row is read, at once.
    private func read(isFirst: Bool) throws -> (PreparationRecipe, [NewFile], NewFile?) {
      let settings = recipeAndSettings.filter { $0.contains("=") }
      let given = recipeAndSettings.filter { !$0.contains("=") }
      guard given.count == 1 else {
        throw UserError(
          .usage, given.isEmpty ? "no recipe is given" : "\(given.count) recipes are given",
          hint: "one YAML file, then settings key=value")
      }
      let problems = Problems()
      let file = try RecipeFile(given[0], assignments: settings, paths: Launch.paths, problems: problems)
      let recipe = try PreparationRecipe(
        file.json, file: file.file, overrides: file.overrides, paths: Launch.paths, problems: problems)
      PreparationModel.check(recipe, problems)
      try problems.throwIfAny()
      guard isFirst else { return (recipe, [], nil) }
      let files = recipe.outputs.map { output in
        problems.collect { try NewFile(output.file, at: "output", probes: false) }
      }
      let report = problems.collect { try NewFile(recipe.report, at: "report", probes: false) }
      try problems.throwIfAny()
      for path in recipe.outputs.map(\.file) + [recipe.report] {
        let folder = folder(of: path)
        if !folder.isEmpty { try makeFolders(folder) }
      }
      return (recipe, files.compactMap { $0 }, report)
    }

    private enum Phase { case opening, running, closing }

    /// Runs something that all ranks do together while the first one has files open, which appear at its end.
    private func write<T>(_ files: [NewFile], _ ranks: Ranks, _ body: ([ByteSink]) throws -> T) throws -> T {
      var phase = Phase.opening
      func open(_ files: ArraySlice<NewFile>, _ sinks: [ByteSink]) throws -> T {
        guard let first = files.first else {
          try ranks.together {}
          phase = .running
          let result = try body(sinks)
          phase = .closing
          return result
        }
        return try first.write { try open(files.dropFirst(), sinks + [$0]) }
      }
      do {
        let result = try open(files[...], [])
        try ranks.together {}
        return result
      } catch  where phase != .running && ranks.isFirst && !(error is Ranks.StoppedElsewhere) {
        // The others wait for the files to be open, or to be closed.
        return try ranks.together { throw error }
      }
    }
  }
}

// swiftdp data check
import ArgumentParser
import Base
import Checkpoints
import Datasets
import Inspection
import Training

extension DataCommand {
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look through the data of a recipe for what is wrong with it, before it is trained on.",
      discussion: """
        Takes a recipe and settings as train does. Each finding has its count, three examples by file and line, and what
        to do. Exits with 65 if there is a mistake; warnings and notes are for you to judge. docs/data-check.md lists the
        checks. Example: swiftdp data check run.yaml --against test.jsonl --html findings.html
        """)

    @Option(
      help:
        "Files that the model will be measured by: their rows must not be in the data. Give it once for each."
    )
    var against: [String] = []
    @Option(
      help: "Write the findings as a page, to a file that must not be there yet.", transform: Launch.path)
    var html: String?
    @Flag(help: "One JSON object instead of words.")
    var json = false
    @Option(help: "Which task of a recipe with several.")
    var task: String?
    @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
    var recipeAndSettings: [String] = []

    func run() throws {
      let problems = Problems()
      let page = html.flatMap { path in problems.collect { try NewFile(path, at: "--html") } }
      var files: [String] = []
      for name in against {
        guard let path = problems.collect({ try Launch.path(name) }) else { continue }
        let (found, mistakes) = DataFileNames.files([path], at: "--against")
        files += found
        for mistake in mistakes { problems.add(mistake) }
      }
      let evaluation = files.isEmpty ? nil : problems.collect { try EvaluationSet(files) }
      let read = problems.collect { try RecipeData(recipeAndSettings, task: task) }
      try problems.throwIfAny()
      guard let read else { preconditionFailure("an error was collected") }
      var facts = read.facts
      facts.evaluation = evaluation
      let lines = ProgressLines()
      var report = Inspection(facts, dataset: try? read.data.get().dataset).run { rows in
        if rows % 1024 == 0 { lines.tell { counted(rows, "row") } }
      }
      if case .failure(let errors) = read.data { report.add(refusals: errors.errors) }
      if let page { try page.write(Array(report.page(title: title(read)).utf8)) }
      try StandardStream.output.writeAll((json ? report.json.encoded() : report.text) + "\n")
      let mistakes = report.count(.mistake)
      guard mistakes == 0 else {
        throw UserError(
          .data, "\(counted(mistakes, "mistake")) in the data", at: "data check", hint: "they are told above")
      }
    }

    private func title(_ read: RecipeData) -> String {
      let files = read.recipe.data.sources.flatMap(\.files).map(read.recipe.name)
      return "Data check of \(files.prefix(3).joined(separator: ", "))"
        + (files.count > 3 ? " and \(counted(files.count - 3, "more file"))" : "")
    }
  }
}

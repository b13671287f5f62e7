// swiftdp prompt
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Evaluation
import Foundation
import Recipes
import Training

struct PromptCommand: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "prompt",
    abstract: "Find the prompt and the examples that a model answers a task best with, without training.",
    discussion: """
      Example: swiftdp prompt --model M --task mine.yaml --shots 0,1,4 --prompts prompts.yaml --output best.yaml
      Prompts are a YAML list: a text is a description of the task, and a mapping has other values for keys of the task
      file. Every prompt is tried with every number of examples, chosen at random, nearest to the question, or by
      coverage, on one half of the rows; the best one is confirmed on the other half, and written as a task file.
      """)

  @OptionGroup var model: ModelOptions
  @Option(help: "A .yaml file, or the name of a shipped task.")
  var task: String
  @Option(help: "The folder of data sets.", transform: Launch.path)
  var data: String?
  @Option(help: "Numbers of examples.", transform: Self.numbers)
  var shots: [Int] = [0, 1, 4]
  @Option(help: "How examples are chosen: random, nearest, coverage.", transform: Self.choices)
  var choose: [PromptSearch.Choice] = PromptSearch.Choice.allCases
  @Option(help: "Draws of examples and of their order, for random ones.")
  var seeds = 3
  @Option(help: "A YAML file with a list of prompts.", transform: Launch.path)
  var prompts: String?
  @Option(help: "Also ask so many times, and count the answer that comes most often.")
  var samples = 1
  @Option(help: "What is compared; the task's first metric by default.")
  var metric: String?
  @Option(help: "Rows of each half, at most.")
  var limit: Int?
  @Option(help: "Texts at once.")
  var batchSize = 64
  @Option(help: "The task file to write; there must be none yet.", transform: Launch.path)
  var output: String?
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel.")
  var settings: [String] = []

  private static func numbers(_ text: String) throws -> [Int] {
    try text.split(separator: ",").map { part in
      guard let number = Int(part), (0...1000).contains(number) else {
        throw ValidationError("--shots takes numbers such as 0,1,4")
      }
      return number
    }
  }

  private static func choices(_ text: String) throws -> [PromptSearch.Choice] {
    try text.split(separator: ",").map { part in
      guard let choice = PromptSearch.Choice(rawValue: String(part)) else {
        let names = PromptSearch.Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--choose takes \(names)")
      }
      return choice
    }
  }

  func validate() throws {
    guard !model.takesTurns else { throw ValidationError("prompt takes one --adapter") }
    guard !shots.isEmpty, !choose.isEmpty else { throw ValidationError("--shots and --choose need a value") }
    try check("--seeds", seeds, in: 1...1000)
    try check("--samples", samples, in: 1...1000)
    try check("--limit", limit, in: 1...Int.max)
    try check("--batch-size", batchSize, in: 1...1 << 16)
  }

  func run() throws {
    try onRanks { ranks in
      var file: NewFile?
      let (search, settings) = try ranks.together {
        let problems = Problems()
        let given = CommandSettings(self.settings, of: "prompt", paths: Launch.paths)
        let settings = ModelSettings(given.top)
        problems.collect { try given.finish() }
        let list = problems.collect { try prompts.map { try PromptFile.read($0) } } ?? nil
        if let output, ranks.isFirst { file = problems.collect { try NewFile(output, at: "--output") } }
        let search = problems.collect { try PromptSearch(task, prompts: list, wanted, options) }
        problems.collect {
          try TrainedModel.description(folder: model.model, adapter: model.adapter, settings)
            .checkMakesTexts()
        }
        try problems.throwIfAny()
        guard let search else { preconditionFailure("an error was collected") }
        return (search, settings)
      }
      let trained = try TrainedModel(
        folder: model.model, adapter: model.adapter, settings: settings,
        threads: Launch.threads(ranks, asked: model.threads ?? settings.parallel.threads), ranks: ranks)
      let taskModel = try ranks.together { try trained.taskModel() }
      let outcomes = try search.outcomes(of: search.candidates, isHeldOut: false, taskModel, ranks)
      let finalists = [outcomes[0].candidate, search.candidates[0]]
      let confirmed = try search.outcomes(of: finalists, isHeldOut: true, taskModel, ranks)
      try ranks.together {
        guard ranks.isFirst else { return }
        try file?.write(Array(search.file(of: outcomes[0].candidate).yaml().utf8))
      }
      guard ranks.isFirst else { return }
      print(words(search, outcomes, confirmed))
    }
  }

  private var wanted: PromptSearch.Settings {
    var wanted = PromptSearch.Settings()
    (wanted.shots, wanted.choices, wanted.seeds) = (shots, choose, seeds)
    (wanted.samples, wanted.metric) = (samples, metric)
    return wanted
  }

  private var options: TaskOptions {
    var options = TaskOptions()
    (options.data, options.limit, options.batchSize) = (data, limit, batchSize)
    return options
  }

  private func words(
    _ search: PromptSearch, _ outcomes: [PromptSearch.Outcome], _ confirmed: [PromptSearch.Outcome]
  ) -> String {
    func shown(_ outcome: PromptSearch.Outcome) -> String {
      decimals(outcome.value) + (outcome.error.map { " ± " + decimals($0) } ?? "")
    }
    var lines = ["\(search.metric) on one half of the rows, the best first:"]
    lines += outcomes.map { "  \(shown($0))  \($0.candidate.words)" }
    var cells: [(name: String, values: [Double])] = []
    for outcome in outcomes where outcome.candidate.choice == .random {
      let candidate = outcome.candidate
      let name =
        "prompt \(candidate.prompt), \(candidate.shots) shots"
        + (candidate.samples > 1 ? ", majority of \(candidate.samples)" : "")
      if let place = cells.firstIndex(where: { $0.name == name }) {
        cells[place].values.append(outcome.value)
      } else {
        cells.append((name, [outcome.value]))
      }
    }
    if cells.contains(where: { $0.values.count > 1 }) {
      lines.append("mean, least and most over draws and orders of random examples:")
      lines += cells.map { cell in
        let mean = cell.values.reduce(0, +) / Double(cell.values.count)
        return
          "  \(decimals(mean))  (\(decimals(cell.values.min() ?? mean)) to \(decimals(cell.values.max() ?? mean)))  \(cell.name)"
      }
    }
    lines.append("on the other half, which nothing was chosen by:")
    for (title, candidate) in [
      ("the best", outcomes[0].candidate), ("the task as it is", search.candidates[0]),
    ] {
      if let outcome = confirmed.first(where: { $0.candidate.words == candidate.words }) {
        lines.append("  \(shown(outcome))  \(title): \(candidate.words)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

/// A list of prompts.
private enum PromptFile {
  static func read(_ path: String) throws -> JSON {
    if let missing = UserError.noFile(path) { throw missing }
    guard let text = String(validating: try OpenFile.contents(path), as: UTF8.self) else {
      throw UserError(.usage, "is not UTF-8 text", at: path)
    }
    return try PromptSearch.list(text, file: path)
  }
}

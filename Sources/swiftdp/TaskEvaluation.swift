// swiftdp evaluate --tasks: benchmarks in the form of lm-evaluation-harness.
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Evaluation
import Foundation
import Recipes
import Templates
import Training

/// Options of commands that run tasks.
struct TaskArguments: ParsableArguments {
  @Option(
    name: .customLong("tasks"),
    help: "Tasks, separated by commas: names of shipped ones such as arc_easy or mmlu, and .yaml files.")
  var list: String?
  @Option(help: "With --tasks: examples before a question; by default what the task says, or none.")
  var shots: Int?
  @Option(help: "With --tasks: answer the first rows of each task only.")
  var limit: Int?
  @Option(
    name: .customLong("seed"), help: "With --tasks: of the draws of examples and of answers; 1234 by default."
  )
  var givenSeed: Int?
  @Flag(help: "With --tasks: write prompts by the model's chat template.")
  var applyChatTemplate = false
  @Flag(help: "With --apply-chat-template: examples are turns of their own.")
  var fewshotAsMultiturn = false

  var names: [String] {
    (list ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  var seed: Int { givenSeed ?? 1234 }

  func check() throws {
    if list != nil, names.isEmpty { throw ValidationError("--tasks names no task") }
    guard
      list != nil
        || shots == nil && limit == nil && givenSeed == nil && !applyChatTemplate && !fewshotAsMultiturn
    else {
      throw ValidationError(
        "--shots, --limit, --seed, --apply-chat-template and --fewshot-as-multiturn are for --tasks")
    }
    try check("--shots", shots, in: 0...10_000)
    try check("--limit", limit, in: 1...Int.max)
    try check("--seed", givenSeed, in: 0...Int.max)
    if fewshotAsMultiturn, !applyChatTemplate {
      throw ValidationError("--fewshot-as-multiturn goes together with --apply-chat-template")
    }
  }

  /// - Parameter data: the folder of data sets.
  func options(data: String?, batchSize: Int?) -> TaskOptions {
    var options = TaskOptions()
    options.data = data
    options.shots = shots
    options.limit = limit
    options.seed = seed
    options.areTurns = fewshotAsMultiturn
    if let batchSize { options.batchSize = batchSize }
    return options
  }
}

struct TaskEvaluation {
  static let results = "results.json"
  let command: Evaluate
  let ranks: Ranks

  /// Collective.
  func run() throws {
    let start = Date()
    let (model, adapter) = (command.model.model, command.model.adapter)
    var files: NewFiles?
    let (set, settings, data, chat) = try ranks.together {
      let problems = Problems()
      let given = CommandSettings(
        command.rows.data.filter(CommandSettings.isSetting) + command.rows.settings, of: "evaluate",
        paths: Launch.paths)
      let settings = ModelSettings(given.top)
      problems.collect { try given.finish() }
      let data = problems.collect {
        try Self.folder(command.rows.data.filter { !CommandSettings.isSetting($0) })
      }
      let set = problems.collect { try TaskSet(command.tasks.names) }
      if let output = command.output, ranks.isFirst, let set {
        files = problems.collect {
          try NewFiles(
            [Self.results] + set.tasks.map { Self.samples($0.name) }, in: output, at: "--output")
        }
      }
      problems.collect {
        try TrainedModel.description(folder: model, adapter: adapter, settings).checkMakesTexts()
      }
      let chat =
        !command.tasks.applyChatTemplate
        ? nil
        : problems.collect {
          try adapter.flatMap { try? ChatTemplate(folder: $0) } ?? ChatTemplate(folder: model)
        }
      try problems.throwIfAny()
      guard let set else { preconditionFailure("an error was collected") }
      return (set, settings, data ?? nil, chat)
    }
    let trained = try TrainedModel(
      folder: model, adapter: adapter, settings: settings,
      threads: Launch.threads(ranks, asked: command.model.threads ?? settings.parallel.threads), ranks: ranks)
    if ranks.isFirst {
      for note in trained.replica.description.notes { Command.tell("note: " + note) }
    }
    let (tasks, taskModel) = try ranks.together {
      let model = try trained.taskModel(chat: chat)
      let options = command.tasks.options(data: data, batchSize: command.batchSize)
      return (try PreparedTasks(set, options, for: model), model)
    }
    if ranks.isFirst {
      for (task, count) in tasks.cut {
        Command.tell(
          "note: task \(task): \(counted(count, "prompt")) longer than the model reads, cut from the left")
      }
    }
    let lines = ProgressLines()
    let results = try tasks.run(taskModel, ranks: ranks) { what, share in
      if ranks.isFirst { lines.tell { "\(decimals(100 * share, 0)) % of the \(what)" } }
    }
    let file = ResultsFile(set, results, shots: tasks.shots)
    let json = file.json(facts(chat, since: start))
    try ranks.together {
      guard ranks.isFirst, let files else { return }
      for result in results { try files.write(result.lines, to: Self.samples(result.task.name)) }
      // Readers take it that what results.json names is there.
      try files.write(Array((json.encoded(indented: true) + "\n").utf8), to: Self.results)
    }
    guard ranks.isFirst else { return }
    print(command.json ? json["results"]?.encoded() ?? "" : file.table)
  }

  static func samples(_ task: String) -> String { "samples_\(task).jsonl" }

  /// The folder of data sets, if one is given.
  private static func folder(_ names: [String]) throws -> String? {
    guard let name = names.first else { return nil }
    var isFolder: ObjCBool = false
    guard names.count == 1, FileManager.default.fileExists(atPath: name, isDirectory: &isFolder),
      isFolder.boolValue
    else {
      throw UserError(
        .usage, names.count > 1 ? "names several folders" : "is no folder: \(name)", at: "--data",
        hint: "with --tasks it is the folder that holds the files of the sets")
    }
    return name
  }

  /// What the harness says of a run.
  private func facts(_ chat: ChatTemplate?, since start: Date) -> [(String, JSON)] {
    let model = command.model
    let arguments = "pretrained=\(model.model)" + (model.adapter.map { ",peft=\($0)" } ?? "")
    let template: JSON = chat.map { .string($0.source) } ?? .null
    return [
      (
        "config",
        .object([
          "model": .string("swiftdp"), "model_args": .string(arguments),
          "batch_size": .integer(command.batchSize ?? 64),
          "limit": command.tasks.limit.map { .integer($0) } ?? .null,
          "bootstrap_iters": .integer(100_000), "fewshot_seed": .integer(command.tasks.seed),
        ])
      ),
      ("date", .number(start.timeIntervalSince1970)), ("model_source", .string("swiftdp")),
      ("model_name", .string(model.model)), ("system_instruction", .null), ("chat_template", template),
      ("fewshot_as_multiturn", .bool(command.tasks.fewshotAsMultiturn)),
      ("total_evaluation_time_seconds", .string(String(Date().timeIntervalSince(start)))),
    ]
  }
}

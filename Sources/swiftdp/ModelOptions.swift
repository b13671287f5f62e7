// Options that commands have in common.
import ArgumentParser
import Base
import Checkpoints

/// Of commands that read a model and train nothing.
struct ModelOptions: ParsableArguments {
  @Option(
    help: "A model folder: a Hugging Face model, a checkpoint, or OUTPUT/model of a run.",
    transform: Launch.path)
  var model: String
  @Option(
    name: .customLong("adapter"),
    help: """
      An adapter folder of PEFT or of AdapterHub's adapters, whose base the model is. evaluate, predict and generate
      --prompts take several, each with its name: NAME=FOLDER; each row of the data names one as "adapter".
      """, transform: NamedAdapter.init)
  var adapters: [NamedAdapter] = []
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?

  func validate() throws { try check(threads: threads) }

  /// The same for one of the tasks that a run trained at once: the folder beside the others, `heads/NAME`.
  /// - Throws: where the model has no such task.
  func choosing(_ task: String?) throws -> ModelOptions {
    guard let task else { return self }
    let tasks = HeadFiles.tasks(in: model)
    guard tasks.contains(task) else {
      throw UserError(
        .usage,
        "is \(task.quoted), and \(model) has \(tasks.isEmpty ? "one task" : tasks.joined(separator: ", "))",
        at: "--task", hint: nearest(to: task, among: tasks).map { "did you mean \($0)?" } ?? "")
    }
    var chosen = self
    chosen.model = HeadFiles.path(of: task, in: model)
    return chosen
  }

  /// The only adapter.
  var adapter: String? { adapters.first?.folder }

  /// Whether each row says which adapter is for it, or none for the base.
  var takesTurns: Bool { adapters.count > 1 }

  /// - Throws: where two have one name.
  func checkNames() throws {
    let names = adapters.map(\.name)
    guard Set(names).count < names.count else { return }
    throw UserError(
      .usage, "gives two adapters one name", at: "--adapter", hint: "name them: NAME=FOLDER")
  }

  /// What is wrong with the name of an adapter in a row; nil if it is one of these, or none.
  func mistake(_ name: String?, at place: String) -> UserError? {
    let names = adapters.map(\.name)
    guard let name, !names.contains(name) else { return nil }
    return UserError(
      .data, "names the adapter \(name.quoted)", at: place,
      hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
        ?? "there are \(names.joined(separator: ", "))")
  }
}

/// An adapter folder, and what rows of a file call it.
struct NamedAdapter: Sendable {
  let name: String
  let folder: String

  /// - Parameter text: `FOLDER`, which is its name too, or `NAME=FOLDER`.
  init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let isNamed = parts.count == 2 && !parts[0].isEmpty && !parts[0].contains("/")
    name = isNamed ? String(parts[0]) : text
    folder = try Launch.path(isNamed ? String(parts[1]) : text)
  }
}

/// Of commands that show a model the rows of files.
struct RowOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help:
      "Files, patterns or folders of .txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, or - for standard input.",
    transform: Launch.path)
  var data: [String] = []
  @Option(help: "Which of the tasks that the model was trained for at once; the first by default.")
  var task: String?
  @Option(help: "Tokens of a sequence; 256, or the model's longest if that is shorter, by default.")
  var sequenceLength: Int?
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel, data.columns.")
  var settings: [String] = []

  func validate() throws { try check("--sequence-length", sequenceLength, in: 2...Int.max) }

  /// - Throws: where no data is named.
  func checkData() throws {
    if data.isEmpty { throw ValidationError("Missing expected argument '--data <data> ...'") }
  }
}

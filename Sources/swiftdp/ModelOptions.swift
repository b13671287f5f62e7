// Options that commands have in common.
import ArgumentParser
import Base

/// Of commands that read a model and train nothing.
struct ModelOptions: ParsableArguments {
  @Option(
    help: "A model folder: a Hugging Face model, a checkpoint, or OUTPUT/model of a run.",
    transform: Launch.path)
  var model: String
  @Option(
    name: .customLong("adapter"),
    help: """
      An adapter folder of PEFT or of AdapterHub's adapters, whose base the model is. generate --prompts takes several,
      each with its name: NAME=FOLDER.
      """, transform: NamedAdapter.init)
  var adapters: [NamedAdapter] = []
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?

  func validate() throws { try check(threads: threads) }

  /// The only adapter.
  var adapter: String? { adapters.first?.folder }

  /// For commands that read one adapter at most.
  func checkOneAdapter() throws {
    guard adapters.count > 1 else { return }
    throw ValidationError("Several adapters are for generate --prompts")
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
  var data: [String]
  @Option(help: "Tokens of a sequence; 256, or the model's longest if that is shorter, by default.")
  var sequenceLength: Int?
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel, data.columns.")
  var settings: [String] = []

  func validate() throws { try check("--sequence-length", sequenceLength, in: 2...Int.max) }
}

// Options that commands have in common.
import ArgumentParser
import Base

/// Of commands that read a model and train nothing.
struct ModelOptions: ParsableArguments {
  @Option(
    help: "A model folder: a Hugging Face model, a checkpoint, or OUTPUT/model of a run.",
    transform: Launch.path)
  var model: String
  @Option(help: "An adapter folder of PEFT, whose base the model is.", transform: Launch.path)
  var adapter: String?
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?

  func validate() throws { try check(threads: threads) }
}

/// Of commands that show a model the rows of files.
struct RowOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption, help: "One or more .txt, .jsonl, .json, .tsv, .csv or .conll files.",
    transform: Launch.path)
  var data: [String]
  @Option(help: "Tokens of a sequence; 256, or the model's longest if that is shorter, by default.")
  var sequenceLength: Int?
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel, data.columns.")
  var settings: [String] = []

  func validate() throws { try check("--sequence-length", sequenceLength, in: 2...Int.max) }
}

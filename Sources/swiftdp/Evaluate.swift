// swiftdp evaluate
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Kernels
import Objectives
import Recipes
import Training

struct Evaluate: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Print the loss of a model on data, and how well it does.",
    discussion: """
      Example: mpirun -np 4 swiftdp evaluate --model runs/shakespeare/model --data held-out.txt
      Example: swiftdp evaluate --model runs/reviews/model --data test.tsv 'data.columns={text: 0, label: 1}'
      A language model has a perplexity, a classifier accuracy and F1: what follows from the model's config.json.
      The loss is the mean over all target tokens or rows, over all ranks; it does not depend on the number of
      ranks. Everything in the files counts once: the last block may be short, and a row
      that is longer than a sequence goes on in another.
      """)

  @Option(
    help: "A model folder: a Hugging Face model, a checkpoint, or OUTPUT/model of a run.",
    transform: Launch.path)
  var model: String
  @Option(help: "An adapter folder of PEFT, whose base the model is.", transform: Launch.path)
  var adapter: String?
  @Option(
    parsing: .upToNextOption, help: "One or more .txt, .jsonl, .json, .tsv or .csv files.",
    transform: Launch.path)
  var data: [String]
  @Option(help: "auto, text, completion or alpaca; a model with another head says itself what it reads.")
  var format = "auto"
  @Option(help: "Tokens of a sequence; 256, or the model's longest if that is shorter, by default.")
  var sequenceLength: Int?
  @Option(help: "Sequences of one forward pass.")
  var batchSize = 4
  @Flag(inversion: .prefixedNo, help: "Join short rows into whole sequences.")
  var packing = true
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?
  @Flag(help: "One JSON object instead of words.")
  var json = false
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel, data.columns.")
  var settings: [String] = []

  func validate() throws {
    guard DataFormat(rawValue: format) != nil else {
      throw ValidationError(
        "--format must be one of \(DataFormat.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    try check("--batch-size", batchSize, in: 1...Int.max)
    try check("--sequence-length", sequenceLength, in: 2...Int.max)
    try check(threads: threads)
  }

  func run() throws {
    try onRanks { ranks in
      let given = DataOptions(
        train: [], format: DataFormat(rawValue: format) ?? .auto, packing: packing, sequenceLength: 2,
        seed: 0,
        readsWhole: true, names: .options)
      let read = try ReadData(
        model: model, adapter: adapter, words: data, settings: settings, of: "evaluate", given,
        sequenceLength: sequenceLength, threads: threads, needsLabels: true, ranks: ranks)
      let result = try evaluate(
        read.dataset.train, rows: read.dataset.trainRows, replica: read.trained.replica, ranks: ranks,
        microBatchSize: batchSize,
        mask: .none)
      guard ranks.isFirst else { return }
      let unit = type(of: read.trained.replica.objective).unit
      print(json ? self.json(result, read, unit).encoded() : words(result, read, unit))
    }
  }

  private func words(_ result: Evaluation, _ read: ReadData, _ unit: LossUnit) -> String {
    let tokens = read.dataset.summary.trainFiles.tokens
    return
      ([
        "tokens \(tokens)", "\(unit.rawValue) \(result.sums.units)",
        "loss \(result.loss.map { decimals($0, 6) } ?? "none")",
      ]
      + result.scalars.compactMap { scalar in
        scalar.number.map { "\(scalar.name) \(decimals($0))" }
      }).joined(separator: "  ")
  }

  /// Every number by its name.
  private func json(_ result: Evaluation, _ read: ReadData, _ unit: LossUnit) -> JSON {
    let files = read.dataset.summary.trainFiles
    var members: [(String, JSON)] = [("tokens", .integer(files.tokens)), ("rows", .integer(files.rows))]
    if unit != .rows { members.append((unit.rawValue, .integer(result.sums.units))) }
    members.append(("loss", result.loss.map { .number($0) } ?? .null))
    members += result.scalars.map { ($0.name, $0.value) }
    return .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }
}

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
      With --output, every wrong answer is written, the most certain first, and a summary of them.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var rows: RowOptions
  @Option(help: "auto, text, completion or alpaca; a model with another head says itself what it reads.")
  var format = "auto"
  @Option(help: "Sequences of one forward pass.")
  var batchSize = 4
  @Flag(inversion: .prefixedNo, help: "Join short rows into whole sequences.")
  var packing = true
  @Flag(help: "One JSON object instead of words.")
  var json = false
  @Option(
    help: "A folder for evaluation.json, errors.jsonl and errors_summary.json, which it must not have yet.",
    transform: Launch.path)
  var output: String?
  @Option(
    parsing: .upToNextOption,
    help: "With --output and an embedding model: files to take the nearest rows from for each wrong one.",
    transform: Launch.path)
  var train: [String] = []

  func validate() throws {
    try model.checkOneAdapter()
    guard DataFormat(rawValue: format) != nil else {
      throw ValidationError(
        "--format must be one of \(DataFormat.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    try check("--batch-size", batchSize, in: 1...Int.max)
    if !train.isEmpty, output == nil { throw ValidationError("--train goes together with --output") }
  }

  func run() throws {
    try onRanks { ranks in
      let given = DataOptions(
        train: [], format: DataFormat(rawValue: format) ?? .auto, packing: packing, sequenceLength: 2,
        seed: 0,
        readsWhole: true, names: .options)
      var files: ErrorFiles?
      var rows = rows
      let (training, trainMistakes) = DataFileNames.files(
        train.filter { !CommandSettings.isSetting($0) }, at: "--train")
      rows.settings += train.filter(CommandSettings.isSetting)
      let read = try ReadData(
        model, rows, of: "evaluate", given, needsLabels: true, needsLikeness: !training.isEmpty, ranks: ranks
      ) { problems in
        files = output.flatMap { output in
          problems.collect { try ErrorFiles(output, training: training, isFirst: ranks.isFirst) }
        }
        for mistake in trainMistakes { problems.add(mistake) }
      }
      let neighbours = try files?.measureTraining(read, batchSize: batchSize, ranks: ranks)
      let evaluated = try measure(
        read.dataset.train, rows: read.dataset.trainRows, replica: read.trained.replica, ranks: ranks,
        microBatchSize: batchSize, mask: .none, findsMistakes: files != nil)
      let objective = read.trained.replica.objective
      let result = Evaluation(evaluated, for: objective)
      let all = self.json(result, read, type(of: objective).unit)
      try ranks.together {
        guard ranks.isFirst else { return }
        try files?.write(all, evaluated, training: neighbours ?? nil, read)
      }
      guard ranks.isFirst else { return }
      print(json ? all.encoded() : words(result, read, type(of: objective).unit))
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

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
    abstract: "Print the loss of a model on data and how well it does, or run benchmarks.",
    discussion: """
      Example: mpirun -np 4 swiftdp evaluate --model runs/shakespeare/model --data held-out.txt
      Example: swiftdp evaluate --model runs/reviews/model --data test.tsv 'data.columns={text: 0, label: 1}'
      A language model has a perplexity, a classifier accuracy and F1: what follows from the model's config.json.
      The loss is the mean over all target tokens or rows, over all ranks; it does not depend on the number of
      ranks. Everything in the files counts once: the last block may be short, and a row
      that is longer than a sequence goes on in another.
      With several --adapter NAME=FOLDER, each row of the data says which is for it as "adapter", or is for the model itself;
      each adapter has numbers beside those of all rows, which are left out where adapters have other tasks or labels.
      With --index, passages stand before each question of the rows.
      With --output, every wrong answer is written, the most certain first, and a summary of them.

      With --tasks, tasks of lm-evaluation-harness are run on local files, with its numbers:
        mpirun -np 4 swiftdp evaluate --model runs/mine/model --tasks arc_easy,mine.yaml --data sets --output results
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var rows: RowOptions
  @Option(help: "auto, text, completion or alpaca; a model with another head says itself what it reads.")
  var format = "auto"
  @Option(help: "Sequences of one forward pass; 4 by default, 64 with --tasks.")
  var batchSize: Int?
  @Flag(inversion: .prefixedNo, help: "Join short rows into whole sequences.")
  var packing = true
  @Flag(help: "One JSON object instead of words.")
  var json = false
  @Option(
    help: """
      A folder for evaluation.json, errors.jsonl and errors_summary.json, or with --tasks for results.json and
      samples_TASK.jsonl, which it must not have yet.
      """, transform: Launch.path)
  var output: String?
  @Option(
    parsing: .upToNextOption,
    help: "With --output and an embedding model: files to take the nearest rows from for each wrong one.",
    transform: Launch.path)
  var train: [String] = []
  @OptionGroup var tasks: TaskArguments
  @OptionGroup var grounding: GroundingOptions

  func validate() throws {
    try tasks.check()
    if tasks.names.isEmpty { try rows.checkData() }
    if !tasks.names.isEmpty {
      guard !model.takesTurns else { throw ValidationError("--tasks goes together with one --adapter") }
      guard format == "auto", packing, rows.sequenceLength == nil, rows.task == nil, train.isEmpty else {
        throw ValidationError(
          "--format, --no-packing, --sequence-length, --task and --train are for data, not for --tasks")
      }
    }
    guard DataFormat(rawValue: format) != nil else {
      throw ValidationError(
        "--format must be one of \(DataFormat.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    try check("--batch-size", batchSize, in: 1...1 << 16)
    if !train.isEmpty, model.takesTurns { throw ValidationError("--train goes together with one --adapter") }
    if !train.isEmpty, output == nil { throw ValidationError("--train goes together with --output") }
  }

  func run() throws {
    if !tasks.names.isEmpty {
      return try onRanks { ranks in try TaskEvaluation(command: self, ranks: ranks).run() }
    }
    let batchSize = batchSize ?? 4
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
      let passages = try GroundedData(grounding, rows, threads: model.threads, ranks)
      defer { passages?.remove(ranks) }
      if let passages { rows.data = passages.words }
      let read = try ReadData(
        model, rows, of: "evaluate", given, needsLabels: true, needsLikeness: !training.isEmpty,
        needsOneTask: output != nil, ranks: ranks
      ) { problems in
        files = output.flatMap { output in
          problems.collect { try ErrorFiles(output, training: training, isFirst: ranks.isFirst) }
        }
        for mistake in trainMistakes { problems.add(mistake) }
      }
      let neighbours = try files?.measureTraining(read, batchSize: batchSize, ranks: ranks)
      let measured = try read.measured(batchSize: batchSize, findsMistakes: files != nil, ranks: ranks)
      let whole = read.isOfOneTask ? try joined(measured, read.parts[0].trained.replica) : nil
      let result = whole.map { Numbers($0, read.parts[0].objective, read.parts.map(\.dataset)) }
      let each = zip(read.parts, measured).map {
        (part: $0, numbers: Numbers($1, $0.objective, [$0.dataset]))
      }
      var all = result?.json ?? []
      if model.takesTurns {
        let adapters = each.map { part, numbers in
          let name: JSON = part.adapter.map { .string($0) } ?? .null
          return JSON.object(members: [(RowChoice.key, name)] + numbers.json)
        }
        all.append(("adapters", .array(adapters)))
      }
      let json = JSON.object(members: all)
      try ranks.together {
        guard ranks.isFirst, let whole else { return }
        try files?.write(json, whole, training: neighbours ?? nil, read)
      }
      guard ranks.isFirst else { return }
      if self.json { return print(json.encoded()) }
      if let result { print(result.words) }
      guard model.takesTurns else { return }
      for (part, numbers) in each {
        print("\(part.adapter.map { "adapter \($0)" } ?? "no adapter")  \(numbers.words)")
      }
    }
  }

  /// What all parts together are measured as.
  private func joined(_ measured: [Evaluated], _ replica: Replica) throws -> Evaluated {
    guard measured.count > 1 else { return measured[0] }
    var whole = try Evaluated.joined(measured)
    if let loss = replica.objective.loss(of: whole, replica.engine) { whole.sums.loss = loss }
    return whole
  }
}

/// The numbers of some rows.
private struct Numbers {
  private let result: Evaluation
  private let unit: LossUnit
  private let tokens: Int
  private let rows: Int

  init(_ evaluated: Evaluated, _ objective: any Objective, _ datasets: [Dataset]) {
    result = Evaluation(evaluated, for: objective)
    unit = type(of: objective).unit
    tokens = datasets.reduce(0) { $0 + $1.summary.trainFiles.tokens }
    rows = datasets.reduce(0) { $0 + $1.summary.trainFiles.rows }
  }

  var words: String {
    ([
      "tokens \(tokens)", "\(unit.rawValue) \(result.sums.units)",
      "loss \(result.loss.map { decimals($0, 6) } ?? "none")",
    ]
      + result.scalars.compactMap { scalar in
        scalar.number.map { "\(scalar.name) \(decimals($0))" }
      }).joined(separator: "  ")
  }

  /// Every number by its name.
  var json: [(String, JSON)] {
    var members: [(String, JSON)] = [("tokens", .integer(tokens)), ("rows", .integer(rows))]
    if unit != .rows { members.append((unit.rawValue, .integer(result.sums.units))) }
    members.append(("loss", result.loss.map { .number($0) } ?? .null))
    return members + result.scalars.map { ($0.name, $0.value) }
  }
}

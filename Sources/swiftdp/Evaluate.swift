// swiftdp evaluate
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Kernels
import Training

struct Evaluate: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Print tokens, loss and perplexity of a model on data.",
    discussion: """
      Example: mpirun -np 4 swiftdp evaluate --model runs/shakespeare/model --data held-out.txt
      The loss is the mean over all target tokens, over all ranks; it does not depend on the number of
      ranks or on the batch size. Everything in the files counts once: the last block may be short, and a row
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
  @Option(help: "auto, text, completion, alpaca or classification.")
  var format = "auto"
  @Option(help: "Tokens of a sequence; 256, or the model's longest if that is shorter, by default.")
  var sequenceLength: Int?
  @Option(help: "Sequences of one forward pass.")
  var batchSize = 4
  @Flag(inversion: .prefixedNo, help: "Join short rows into whole sequences.")
  var packing = true
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?

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
      let threads = Launch.threads(ranks, asked: threads)
      let (trained, dataset) = try ranks.together { () throws -> (TrainedModel, Dataset) in
        let mistakes = data.compactMap { UserError.noFile($0, at: "--data") }
        guard mistakes.isEmpty else { throw UserErrors(mistakes) }
        let trained = try TrainedModel(folder: model, adapter: adapter, threads: threads)
        return (trained, try trained.read(try options(for: trained)))
      }
      if ranks.isFirst {
        for note in trained.replica.description.notes + notes(on: dataset) { Command.tell("note: " + note) }
      }
      let result = evaluate(
        dataset.train, replica: trained.replica, ranks: ranks, microBatchSize: batchSize, mask: .none)
      guard ranks.isFirst else { return }
      let loss = result.loss.map { decimals($0, 6) } ?? "none"
      let perplexity = result.loss.map { decimals(exp($0), 4) } ?? "none"
      print(
        "tokens \(dataset.summary.trainFiles.tokens)  target_tokens \(result.targets)  loss \(loss)  perplexity \(perplexity)"
      )
    }
  }

  private func options(for trained: TrainedModel) throws -> DataOptions {
    let longest = trained.replica.description.family.maximumLength
    let length = sequenceLength ?? min(256, longest)
    guard length <= longest else {
      throw UserError(
        .usage, "is \(length), but the model reads at most \(longest) tokens", at: "--sequence-length")
    }
    return DataOptions(
      train: data, format: DataFormat(rawValue: format) ?? .auto, packing: packing, sequenceLength: length,
      seed: 0, readsWhole: true, names: .options)
  }

  /// What the user may want to change in the data or the options.
  private func notes(on dataset: Dataset) -> [String] {
    dataset.summary.trainFiles.files.flatMap { file in
      let long =
        file.longRows == 0
        ? nil
        : "\(counted(file.longRows, "row")) longer than a sequence, read in parts that do not see each other "
          + "(--sequence-length)"
      return [long, file.mergeWarning].compactMap { $0 }.map { "\(file.path): \($0)" }
    }
  }
}

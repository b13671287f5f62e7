// swiftdp predict
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Objectives
import Training

struct Predict: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Write what a model predicts for each row of a file.",
    discussion: """
      Example: mpirun -np 4 swiftdp predict --model runs/reviews/model --data new.jsonl --output predictions.jsonl
      Each row of the data is written as JSON with the likeliest label as "label", and the probability of each label in
      "scores". A label that a row has already stands there as "gold". Settings say where the columns are:
      'data.columns={text: 0}'
      """)

  @Option(
    help: "A model folder: a Hugging Face model, a checkpoint, or OUTPUT/model of a run.",
    transform: Launch.path)
  var model: String
  @Option(help: "An adapter folder of PEFT, whose base the model is.", transform: Launch.path)
  var adapter: String?
  @Option(
    parsing: .upToNextOption, help: "One or more .jsonl, .json, .tsv or .csv files.", transform: Launch.path)
  var data: [String]
  @Option(help: "The .jsonl file to write; there must be none yet.", transform: Launch.path)
  var output: String
  @Option(help: "Tokens of a sequence; 256, or the model's longest if that is shorter, by default.")
  var sequenceLength: Int?
  @Option(help: "Sequences of one forward pass.")
  var batchSize = 16
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel, data.columns.")
  var settings: [String] = []

  func validate() throws {
    try check("--batch-size", batchSize, in: 1...Int.max)
    try check("--sequence-length", sequenceLength, in: 2...Int.max)
    try check(threads: threads)
  }

  func run() throws {
    try onRanks { ranks in
      let file = try ranks.together { ranks.isFirst ? try NewFile(output, at: "--output") : nil }
      let given = DataOptions(train: [], packing: false, sequenceLength: 2, seed: 0, names: .options)
      let read = try ReadData(
        model: model, adapter: adapter, words: data, settings: settings, of: "predict", given,
        sequenceLength: sequenceLength, threads: threads, needsLabels: false, ranks: ranks)
      let replica = read.trained.replica
      guard case .labels(let labels, .one) = replica.description.head else {
        preconditionFailure("the objective of another head was refused")
      }
      let start = Date()
      let scores = labelScores(
        read.dataset.train, replica: replica, ranks: ranks, microBatchSize: batchSize)
      try ranks.together {
        guard ranks.isFirst else { return }
        try file?.write(try lines(read.options, labels, scores))
      }
      guard ranks.isFirst else { return }
      let rows = read.dataset.train.count
      print(
        "\(counted(rows, "row")) in \(duration(Date().timeIntervalSince(start))) · \(output)")
    }
  }

  /// The rows with their predictions.
  private func lines(_ options: DataOptions, _ labels: [String], _ scores: [Double]) throws -> [UInt8] {
    var text: [UInt8] = []
    var row = 0
    try options.forEachRow { json in
      let own = scores[row * labels.count..<(row + 1) * labels.count]
      // The first of equal ones.
      let best = own.indices.max { own[$0] < own[$1] } ?? own.startIndex
      row += 1
      var members = (json.members ?? []).filter { !["label", "gold", "scores"].contains($0.name) }
      func add(_ name: String, _ value: JSON) {
        members.append(JSON.Member(key: Array(name.utf8), value: value))
      }
      if let gold = json["label"], !gold.isNull { add("gold", gold) }
      add("label", .string(labels[best - own.startIndex]))
      add(
        "scores",
        .object(
          zip(labels, own).map { JSON.Member(key: Array($0.utf8), value: .number($1)) }))
      text += Array(JSON.object(members).encoded().utf8) + [UInt8(ascii: "\n")]
    }
    precondition(row * labels.count == scores.count, "as many rows are written as were read")
    return text
  }
}

extension JSON.Member {
  fileprivate var name: String { String(decoding: key, as: UTF8.self) }
}

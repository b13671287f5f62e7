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
      Each row of the data is written as JSON with what the model's task gives: "label" and "scores" of a classifier,
      "labels" of each word or of several labels, "score" of a number. What a row has already under that name stands
      there as "gold". Settings say where the columns are: 'data.columns={text: 0}'
      With several --adapter NAME=FOLDER, each row says which is for it: {"text": …, "adapter": "NAME"}; without that the
      model itself is.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var rows: RowOptions
  @Option(help: "The .jsonl file to write; there must be none yet.", transform: Launch.path)
  var output: String
  @Option(help: "Sequences of one forward pass.")
  var batchSize = 16

  func validate() throws {
    try check("--batch-size", batchSize, in: 1...Int.max)
  }

  func run() throws {
    try onRanks { ranks in
      let given = DataOptions(train: [], packing: false, sequenceLength: 2, seed: 0, names: .options)
      var file: NewFile?
      let read = try ReadData(model, rows, of: "predict", given, needsLabels: false, ranks: ranks) {
        problems in
        file = problems.collect { ranks.isFirst ? try NewFile(output, at: "--output") : nil } ?? nil
      }
      let start = Date()
      let evaluated = try read.measured(batchSize: batchSize, ranks: ranks)
      try ranks.together {
        guard ranks.isFirst else { return }
        try file?.write(try read.lines(evaluated))
      }
      guard ranks.isFirst else { return }
      let rows = evaluated.reduce(0) { $0 + $1.rowCount }
      print(
        "\(counted(rows, "row")) in \(duration(Date().timeIntervalSince(start))) · \(output)")
    }
  }
}

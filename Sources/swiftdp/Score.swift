// swiftdp score
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Objectives
import Training

struct Score: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Write what a reward model gives for the answer of each row.",
    discussion: """
      Example: mpirun -np 4 swiftdp score --model runs/reward/model --data answers.jsonl --output scored.jsonl
      A row is {"prompt", "completion"}, {"messages"}, {"text"}, or {"prompt", "chosen", "rejected"}; each is written as JSON
      with "score", a number, or a list of numbers where the row has several answers. Scores are those of transformers'
      …ForSequenceClassification with one label, and of TRL.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var rows: RowOptions
  @Option(help: "The .jsonl file to write; there must be none yet.", transform: Launch.path)
  var output: String
  @Option(help: "Rows of one forward pass.")
  var batchSize = 16

  func validate() throws {
    try check("--batch-size", batchSize, in: 1...Int.max)
  }

  func run() throws {
    try onRanks { ranks in
      let given = DataOptions(train: [], packing: false, sequenceLength: 2, seed: 0, names: .options)
      var file: NewFile?
      let read = try ReadData(
        model, rows, of: "score", given, for: RewardModel(), needsLabels: false, ranks: ranks
      ) { problems in
        file = problems.collect { ranks.isFirst ? try NewFile(output, at: "--output") : nil } ?? nil
      }
      let start = Date()
      let evaluated = try read.measured(batchSize: batchSize, ranks: ranks)
      try ranks.together {
        guard ranks.isFirst else { return }
        try file?.write(try read.lines(evaluated, keepsMeant: false))
      }
      guard ranks.isFirst else { return }
      let rows = evaluated.reduce(0) { $0 + $1.rowCount }
      print("\(counted(rows, "row")) in \(duration(Date().timeIntervalSince(start))) · \(output)")
    }
  }
}

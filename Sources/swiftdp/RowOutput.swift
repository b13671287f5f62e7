// Options of commands that write each row of a file with what a model gives for it, and what such commands do.
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Objectives
import Training

struct RowOutput: ParsableArguments {
  @OptionGroup var model: ModelOptions
  @OptionGroup var rows: RowOptions
  @Option(help: "The .jsonl file to write; there must be none yet.", transform: Launch.path)
  var output: String
  @Option(help: "Sequences of one forward pass.")
  var batchSize = 16

  func validate() throws {
    try rows.checkData()
    try check("--batch-size", batchSize, in: 1...Int.max)
  }

  /// Collective.
  /// - Parameters:
  ///   - command: its name, for messages.
  ///   - objective: what the model is asked for; nil for its own task.
  ///   - keepsMeant: whether a row keeps what it has under a name that is written, as "gold".
  func write(
    by command: String, for objective: (any Objective)? = nil, keepsMeant: Bool = true, _ ranks: Ranks
  ) throws {
    let given = DataOptions(train: [], packing: false, sequenceLength: 2, seed: 0, names: .options)
    var file: NewFile?
    let read = try ReadData(
      model, rows, of: command, given, for: objective, needsLabels: false, ranks: ranks
    ) { problems in
      file = problems.collect { ranks.isFirst ? try NewFile(output, at: "--output") : nil } ?? nil
    }
    let start = Date()
    let evaluated = try read.measured(batchSize: batchSize, ranks: ranks)
    try ranks.together {
      guard ranks.isFirst else { return }
      try file?.write(try read.lines(evaluated, keepsMeant: keepsMeant))
    }
    guard ranks.isFirst else { return }
    let rows = evaluated.reduce(0) { $0 + $1.rowCount }
    print("\(counted(rows, "row")) in \(duration(Date().timeIntervalSince(start))) · \(output)")
  }
}

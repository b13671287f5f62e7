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
        try file?.write(try lines(read, evaluated))
      }
      guard ranks.isFirst else { return }
      let rows = evaluated.reduce(0) { $0 + $1.rowCount }
      print(
        "\(counted(rows, "row")) in \(duration(Date().timeIntervalSince(start))) · \(output)")
    }
  }

  /// The rows with their predictions.
  private func lines(_ read: ReadData, _ evaluated: [Evaluated]) throws -> [UInt8] {
    var text: [UInt8] = []
    var row = 0
    var next = evaluated.map { _ in 0 }
    try read.parts[0].options.forEachRow { json, _ in
      let part = read.rowParts.isEmpty ? 0 : read.rowParts[row]
      let predicted = read.parts[part].objective.prediction(next[part], of: evaluated[part])
      next[part] += 1
      row += 1
      let written = predicted.map(\.key)
      var members = (json.members ?? []).filter { !(written + ["gold"]).contains($0.name) }
      func add(_ name: String, _ value: JSON) {
        members.append(JSON.Member(key: Array(name.utf8), value: value))
      }
      // What the row has under such a name already is what was meant.
      let meant = [written[0], "label", "labels"].compactMap { json[$0] }.first { !$0.isNull }
      if let meant { add("gold", meant) }
      for (key, value) in predicted { add(key, value) }
      text += Array(JSON.object(members).encoded().utf8) + [UInt8(ascii: "\n")]
    }
    precondition(next == evaluated.map(\.rowCount), "as many rows are written as were read")
    return text
  }
}

extension JSON.Member {
  fileprivate var name: String { String(decoding: key, as: UTF8.self) }
}

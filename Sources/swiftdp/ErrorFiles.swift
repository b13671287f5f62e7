// swiftdp evaluate --output: what the model got wrong, in files of a folder.
import Base
import Checkpoints
import Collectives
import Datasets
import Objectives
import Reports
import Tokenizers
import Training

struct ErrorFiles {
  private static let evaluation = "evaluation.json"
  private static let errors = "errors.jsonl"
  private static let summary = "errors_summary.json"

  /// Files of training, to find rows in that are like the wrong ones.
  private let training: [String]
  /// nil on other ranks than the first.
  private let files: NewFiles?

  /// - Throws: where there are such files in the folder already.
  init(_ folder: String, training: [String], isFirst: Bool) throws {
    self.training = training
    files =
      isFirst
      ? try NewFiles([Self.evaluation, Self.errors, Self.summary], in: folder, at: "--output") : nil
  }

  /// What the model gives for the training files; nil if there are none. Collective.
  func measureTraining(_ read: ReadData, batchSize: Int, ranks: Ranks) throws -> Evaluated? {
    guard !training.isEmpty else { return nil }
    let (trained, given) = (read.parts[0].trained, read.parts[0].options)
    var options = given
    options.wishes.needsLabels = false
    options.sources[0].files = training
    let dataset = try ranks.together { try trained.read(options) }
    return try measure(
      dataset.train, rows: dataset.trainRows, replica: trained.replica, ranks: ranks,
      microBatchSize: batchSize, mask: .none, findsMistakes: true)
  }

  /// Writes them on the first rank.
  func write(_ evaluation: JSON, _ evaluated: Evaluated, training: Evaluated?, _ read: ReadData) throws {
    let tokenizer = read.parts[0].trained.tokenizer
    let report = ErrorReport(evaluated, read.parts[0].objective, training: training) {
      tokenizer.text(of: $0, after: [])
    }
    func text(_ json: JSON) -> [UInt8] { Array((json.encoded(indented: true) + "\n").utf8) }
    try files?.write(text(evaluation), to: Self.evaluation)
    try files?.write(report.lines, to: Self.errors)
    try files?.write(text(report.summary), to: Self.summary)
  }
}

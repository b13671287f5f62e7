// One measure against forgetting on one sequence of tasks.
import Base
import Foundation

struct SequenceRun {
  let sequence: TaskSequence
  let measure: KeepMeasure
  let commands: Commands
  /// The folder of the runs of this sequence. The first stage is the same for all measures, and lies in it once.
  let folder: String

  /// Trains all stages, and measures all tasks after each; nil where the measure is not for this sequence.
  func result() throws -> SequenceResult? {
    let kind = sequence.stages[0].task.kind
    guard measure.settings(kind, [], 1) != nil else { return nil }
    var lines: [[Double?]] = []
    var shown: [String] = []
    /// The newest folder that has a head for each task.
    var heads: [String: String] = [:]
    var body = sequence.stages[0].task.model
    for (number, stage) in sequence.stages.enumerated() {
      let start = try start(stage, heads[stage.task.name], body: body)
      let output = number == 0 ? "\(folder)/first" : "\(folder)/\(slug)-\(number + 1)"
      let earlier = sequence.stages[..<number].map(\.rows)
      let words =
        [commands.swiftdp, "train", "model=\(start)"] + stage.task.settings + [
          "training.steps=\(stage.task.steps)", "checkpoint.every=0", "checkpoint.keep=1",
          "training.validate_every=0", "optimizer.learning_rate=\(stage.rate)", "output=\(output)",
        ] + (number == 0 ? [] : measure.settings(kind, earlier, stage.task.steps) ?? [])
      if !FileManager.default.fileExists(atPath: output + "/summary.json") {
        try? FileManager.default.removeItem(atPath: output)
        try commands.run(words, log: "\(sequence.name)-\(slug)-\(number + 1).train")
      }
      shown.append(commands.shown(words))
      body = output + "/model"
      heads[stage.task.name] = body
      lines.append(try qualities(heads, body: body, stage: number))
    }
    return SequenceResult(measure: measure.name, commands: shown, qualities: lines)
  }

  private var slug: String { measure.name.replacing(", ", with: "-").replacing(" ", with: "-") }

  /// What a stage begins with. A decoder goes on as it is; an encoder takes the head that it had for the task.
  private func start(_ stage: SequenceStage, _ head: String?, body: String) throws -> String {
    guard stage.task.kind == .encoder, let head, head != body else { return body }
    let start = "\(folder)/start"
    try HeadSwap.make(head: head, body: body, output: start)
    return start
  }

  /// Of each task, in the order of the sequence; nil for those that come later.
  private func qualities(_ heads: [String: String], body: String, stage: Int) throws -> [Double?] {
    try sequence.tasks.map { task in
      guard let head = heads[task.name] else { return nil }
      var model = body
      if task.kind == .encoder, head != body {
        model = "\(folder)/measured"
        try HeadSwap.make(head: head, body: body, output: model)
      }
      return try task.quality(
        of: TrainedFolder(base: model), commands, log: "\(sequence.name)-\(slug)-\(stage + 1)-\(task.name)")
    }
  }
}

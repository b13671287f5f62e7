// OUTPUT/tensorboard: the numbers of a run as TensorBoard reads them.
import Base
import Foundation
import Objectives
import Recipes
import Sharding
import Training

/// A file of events for each start of a run. Tags are those of metrics.jsonl behind `train/` or `validation/`; the keys
/// of an object are joined by slashes.
final class TensorBoardLog: Observer {
  private let folder: String
  private let host: String
  private let note: (String) -> Void
  private var file: GrowingFile?
  private var unit = LossUnit.targetTokens

  /// - Parameters:
  ///   - host: the name of this host, which stands in the name of the file.
  ///   - note: tells the user of a file that cannot be written.
  init(output: String, host: String, note: @escaping (String) -> Void) {
    folder = output + "/tensorboard"
    self.host = host
    self.note = note
  }

  func began(_ run: RunSummary) {
    unit = run.unit
    let now = Date()
    do {
      try makeFolders(folder)
      try EventRecords.cut(folder: folder, after: run.resumed?.step ?? 0)
    } catch { note("\(error); the run goes on") }
    let file = GrowingFile(
      folder + "/" + EventRecords.name(time: now, host: host, process: getpid()), note: note)
    self.file = file
    file.append(EventRecords.record(.version(now)))
    guard run.resumed == nil else { return }
    let recipe = run.recipe.resolved
    let metrics = ["train/loss"] + (run.data.validation == nil ? [] : ["validation/loss"])
    add(
      Event(
        now, step: 0,
        [EventValue("recipe", text: "```yaml\n" + recipe.yaml() + "```")]
          + EventValue.hyperparameters(recipe, metrics: metrics, now)))
  }

  func validated(_ evaluation: Evaluation) {
    let record = StepRecord(before: evaluation, unit: unit)
    add(Event(Date(), step: 0, Self.values(record)))
  }

  func stepped(_ report: StepReport, validation: Evaluation?) {
    let record = StepRecord(report, validation: validation, unit: unit)
    let times = [
      EventValue("ranks/step_seconds", histogram: report.ranks.map(\.step)),
      EventValue("ranks/computing_seconds", histogram: report.ranks.map(\.computing)),
    ]
    let gradients = report.histograms.map { EventValue("gradients/" + $0.name, $0) }
    add(Event(Date(), step: report.step, Self.values(record) + (times + gradients).compactMap { $0 }))
  }

  func ended(_ end: RunEnd) {
    add(Event(Date(), step: 0, [EventValue.sessionEnd(Date())]))
    _ = file?.flush()
  }

  private func add(_ event: Event) {
    if !event.summary.value.isEmpty { file?.append(EventRecords.record(event)) }
  }

  private static func values(_ record: StepRecord) -> [EventValue] {
    record.numbers.map { EventValue(tag(of: $0.path), $0.value) }
  }

  /// `validation_loss` is `validation/loss`, and `loss` is `train/loss`.
  static func tag(of path: [String]) -> String {
    let name = path.joined(separator: "/")
    let mark = "validation_"
    return name.hasPrefix(mark) ? "validation/" + name.dropFirst(mark.count) : "train/" + name
  }
}

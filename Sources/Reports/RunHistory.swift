// history.jsonl: what happened in a run beside its steps, over all its starts.
import Base
import Datasets
import Foundation
import Objectives
import Training

/// Appends an object for each start, note, checkpoint and end, with the time. `swiftdp report` and `swiftdp top` read
/// it. A run that begins anew empties it.
package final class RunHistory: Observer {
  package static let fileName = "history.jsonl"

  private let file: GrowingFile
  private let command: [String]
  private let facts: [(String, JSON)]
  private var unit = LossUnit.targetTokens

  /// - Parameters:
  ///   - command: what was typed, word by word.
  ///   - facts: what else is known of this start, such as the machine and versions.
  ///   - note: tells the user what cannot be written.
  package init(
    output: String, command: [String], facts: [(String, JSON)], note: @escaping (String) -> Void
  ) {
    file = GrowingFile(output + "/" + Self.fileName, note: note)
    self.command = command
    self.facts = facts
  }

  package func began(_ run: RunSummary) {
    unit = run.unit
    if run.resumed == nil { try? Data().write(to: URL(fileURLWithPath: file.path), options: .atomic) }
    add(
      "start",
      [
        ("command", .array(command.map { .string($0) })), ("model", .string(run.recipe.model)),
        ("family", .string(run.family)), ("method", .string(run.method)),
        ("task", .string(type(of: run.recipe.objective).name)), ("parameters", .integer(run.parameters)),
        ("trained_parameters", .integer(run.trained)), ("unit", .string(run.unit.rawValue)),
        ("steps", .integer(run.steps)), ("hosts", .integer(run.hosts)), ("ranks", .integer(run.ranks)),
        ("threads", .integer(run.threads)),
        ("resumed_step", run.resumed.map { .integer($0.step) } ?? .null),
        ("fingerprint", .object(run.fingerprint)), ("data", .array(run.data.files.map(Self.json))),
        ("train", Self.json(run.data.train)), ("validation", run.data.validation.map(Self.json) ?? .null),
      ] + facts)
  }

  package func validated(_ evaluation: Evaluation) {
    let record = StepRecord(before: evaluation, unit: unit)
    add("validation", record.members.map { (String(decoding: $0.key, as: UTF8.self), $0.value) })
  }

  package func saved(step: Int, path: String) {
    add("checkpoint", [("step", .integer(step)), ("path", .string(path))])
  }

  package func noted(_ text: String) { add("note", [("text", .string(text))]) }

  package func ended(_ end: RunEnd) {
    func list(_ values: [Int]?) -> JSON { values.map { .array($0.map { .integer($0) }) } ?? .null }
    func list(_ values: [Double]) -> JSON { .array(values.map { .number(($0 * 1e6).rounded() / 1e6) }) }
    add(
      "end",
      [
        ("steps", .integer(end.steps)), ("seconds", .number(end.seconds)), ("tokens", .integer(end.tokens)),
        ("model", .string(end.model)), ("peak_rss_bytes", list(end.memory.peaks)),
        ("rank_step_seconds", list(end.ranks.map(\.step))),
        ("rank_exchange_seconds", list(end.ranks.map(\.exchange))),
      ])
  }

  private func add(_ event: String, _ members: [(String, JSON)]) {
    let time = (Date().timeIntervalSince1970 * 1000).rounded() / 1000
    let json = JSON.object(members: [("event", .string(event)), ("time", .number(time))] + members)
    file.append((json.encoded() + "\n").utf8)
  }

  private static func json(_ file: FileSummary) -> JSON {
    .object(
      members: [
        ("file", .string(file.path)), ("format", .string(file.format.rawValue)),
        ("rows", .integer(file.rows)), ("tokens", .integer(file.tokens)),
        ("cut_rows", .integer(file.cutRows)), ("empty_rows", .integer(file.emptyRows)),
        ("rows_without_targets", .integer(file.rowsWithoutTargets)),
      ])
  }

  private static func json(_ part: SequencesSummary) -> JSON {
    .object(
      members: [
        ("sequences", .integer(part.sequences)), ("tokens", .integer(part.tokens)),
        ("targets", .integer(part.targets)),
      ])
  }
}

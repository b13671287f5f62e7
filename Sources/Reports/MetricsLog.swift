// metrics.jsonl: one JSON object per step.
import Base
import Foundation
import Objectives
import Training

/// Appends a line after every step; a resumed run first cuts the file back to the step that it resumes from. A line
/// that cannot be written is kept, and written once there is room, so that training does not end for it.
package final class MetricsLog: Observer {
  private let path: String
  private let note: (String) -> Void
  private var file: Int32 = -1
  /// The lines that the file does not have yet.
  private var waiting: [UInt8] = []
  private var isBehind = false
  private var unit = LossUnit.targetTokens

  /// - Parameter note: tells the user in one line that lines have to wait, and in another that they are written.
  package init(output: String, note: @escaping (String) -> Void) {
    path = output + "/metrics.jsonl"
    self.note = note
  }

  deinit { if file >= 0 { close(file) } }

  package func began(_ run: RunSummary) throws {
    unit = run.unit
    var kept = Data()
    if let step = run.resumed?.step, FileManager.default.fileExists(atPath: path) {
      for line in try OpenFile.contents(path).split(separator: UInt8(ascii: "\n")) {
        // A line that a crash cut short is not JSON; its step is done again.
        guard let done = try? JSON.parse(Array(line))["step"]?.integer, done <= step else { continue }
        kept.append(contentsOf: line)
        kept.append(UInt8(ascii: "\n"))
      }
    }
    do {
      try kept.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
    if let error = append() { throw error }
  }

  package func stepped(_ report: StepReport, validation: Evaluation?) {
    var members: [JSON.Member] = []
    func add(_ key: String, _ value: JSON) { members.append(JSON.Member(key: Array(key.utf8), value: value)) }
    add("step", .integer(report.step))
    add("loss", report.loss.map { .number($0) } ?? .null)
    for scalar in report.scalars { add(scalar.name, scalar.value) }
    add("grad_norm", .number(report.gradientNorm))
    add("learning_rate", .number(report.learningRate))
    add("tokens", .integer(report.tokens))
    add(unit.rawValue, .integer(report.units))
    add("tokens_per_second", .number((Double(report.tokens) / report.seconds * 10).rounded() / 10))
    add("seconds", .number((report.seconds * 1e6).rounded() / 1e6))
    add("exchange_seconds", .number((report.exchangeSeconds * 1e6).rounded() / 1e6))
    if report.finding?.isWithheld == true { add("skipped", .bool(true)) }
    if report.audits > 0 { add("audits", .integer(report.audits)) }
    if let validation, let loss = validation.loss {
      add("validation_loss", .number(loss))
      for scalar in validation.scalars { add("validation_" + scalar.name, scalar.value) }
      if !validation.sources.isEmpty { add("validation_sources", json(validation.sources)) }
    }
    if let general = validation?.general { add("general_loss", .number(general)) }
    if !report.sources.isEmpty { add("sources", json(report.sources)) }
    waiting += Array((JSON.object(members).encoded() + "\n").utf8)
    if let error = append() {
      if !isBehind { note("\(error); the run goes on, and its lines are written once they can be") }
      isBehind = true
    } else if isBehind {
      note("\(path): is written again, with all lines that had to wait")
      isBehind = false
    }
  }

  /// - Throws: `UserError(.disk)` if lines are still waiting.
  /// The numbers of each source by its name.
  private func json(_ sources: [SourceReport]) -> JSON {
    .object(
      sources.map { source in
        let members = [
          ("loss", source.loss.map { JSON.number($0) } ?? .null), ("tokens", .integer(source.tokens)),
          (unit.rawValue, .integer(source.units)),
        ]
        return JSON.Member(
          key: Array(source.name.utf8),
          value: .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) }))
      })
  }

  package func ended(_ end: RunEnd) throws { if let error = append() { throw error } }

  /// Writes the lines that are waiting.
  private func append() -> UserError? {
    do { try openIfNeeded() } catch let error { return error }
    while !waiting.isEmpty {
      let count = waiting.withUnsafeBytes { write(file, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return UserError.disk("cannot be written", path) }
      waiting.removeFirst(count)
    }
    return nil
  }

  /// Opens the file, also if it is gone or another file has taken its place, since the output folder may have been
  /// moved.
  private func openIfNeeded() throws(UserError) {
    var mine = stat()
    var there = stat()
    if file >= 0, fstat(file, &mine) == 0, stat(path, &there) == 0,
      FileIdentity(mine) == FileIdentity(there)
    {
      return
    }
    let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard opened >= 0 else { throw UserError.disk("cannot be written", path) }
    if file >= 0 { close(file) }
    file = opened
  }
}

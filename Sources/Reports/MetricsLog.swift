// metrics.jsonl: one JSON object per step.
import Base
import Foundation
import Objectives
import Training

/// Appends a line after every step; a resumed run first cuts the file back to the step that it resumes from. A line
/// that cannot be written is kept, and written once there is room, so that training does not end for it.
package final class MetricsLog: Observer {
  private let file: GrowingFile
  private var unit = LossUnit.targetTokens

  /// - Parameter note: tells the user in one line that lines have to wait, and in another that they are written.
  package init(output: String, note: @escaping (String) -> Void) {
    file = GrowingFile(output + "/metrics.jsonl", note: note)
  }

  package func began(_ run: RunSummary) throws {
    unit = run.unit
    var kept = Data()
    if let step = run.resumed?.step, FileManager.default.fileExists(atPath: file.path) {
      for line in try OpenFile.contents(file.path).split(separator: UInt8(ascii: "\n")) {
        // A line that a crash cut short is not JSON; its step is done again.
        guard let done = try? JSON.parse(Array(line))["step"]?.integer, done <= step else { continue }
        kept.append(contentsOf: line)
        kept.append(UInt8(ascii: "\n"))
      }
    }
    do {
      try kept.write(to: URL(fileURLWithPath: file.path), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: file.path)
    }
    if let error = file.flush() { throw error }
  }

  package func stepped(_ report: StepReport, validation: Evaluation?) {
    let record = StepRecord(report, validation: validation, unit: unit)
    file.append((JSON.object(record.members).encoded() + "\n").utf8)
  }

  /// - Throws: `UserError(.disk)` if lines are still waiting.
  package func ended(_ end: RunEnd) throws { if let error = file.flush() { throw error } }
}

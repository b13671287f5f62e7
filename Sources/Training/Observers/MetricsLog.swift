// metrics.jsonl: one JSON object a step.
import Base
import Foundation

/// Appends a line after every step; a run that goes on cuts the file back to where it goes on from.
package final class MetricsLog: Observer {
  private let path: String
  private var file: FileHandle?

  package init(output: String) { path = output + "/metrics.jsonl" }

  package func began(_ run: RunSummary) throws {
    var kept = Data()
    if let step = run.resumed?.step, FileManager.default.fileExists(atPath: path) {
      for line in try MappedFile.contents(path).split(separator: UInt8(ascii: "\n")) {
        // A line that a crash cut short is no JSON; its step is done again.
        guard let done = try? JSON.parse(Array(line))["step"]?.integer, done <= step else { continue }
        kept.append(contentsOf: line)
        kept.append(UInt8(ascii: "\n"))
      }
    }
    do {
      try kept.write(to: URL(fileURLWithPath: path), options: .atomic)
      file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file?.seekToEnd()
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
  }

  package func stepped(_ report: StepReport, validation: Evaluation?) throws {
    var members: [JSON.Member] = []
    func add(_ key: String, _ value: JSON) { members.append(JSON.Member(key: Array(key.utf8), value: value)) }
    add("step", .integer(report.step))
    add("loss", report.loss.map { .number($0) } ?? .null)
    add("grad_norm", .number(report.gradientNorm))
    add("learning_rate", .number(report.learningRate))
    add("tokens", .integer(report.tokens))
    add("target_tokens", .integer(report.targetTokens))
    add("tokens_per_second", .number((Double(report.tokens) / report.seconds * 10).rounded() / 10))
    add("seconds", .number((report.seconds * 1e6).rounded() / 1e6))
    add("exchange_seconds", .number((report.exchangeSeconds * 1e6).rounded() / 1e6))
    if report.finding?.isWithheld == true { add("skipped", .bool(true)) }
    if report.audits > 0 { add("audits", .integer(report.audits)) }
    if let loss = validation?.loss { add("validation_loss", .number(loss)) }
    do {
      try file?.write(contentsOf: Data((JSON.object(members).encoded() + "\n").utf8))
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
  }

  package func ended(_ end: RunEnd) throws { try? file?.close() }
}

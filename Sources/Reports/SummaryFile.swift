// OUTPUT/summary.json tells programs what a finished run was and what it took.
import Base
import Foundation
import Objectives
import Training

/// Writes the file after the last step. A run that goes on from a checkpoint counts the steps since then.
package final class SummaryFile: Observer {
  private let path: String
  private var run: RunSummary?
  private var step: StepReport?

  package init(output: String) { path = output + "/summary.json" }

  package func began(_ run: RunSummary) { self.run = run }

  package func stepped(_ report: StepReport, validation: Evaluation?) { step = report }

  package func ended(_ end: RunEnd) throws {
    // Where there was nothing to do, the file of the run that did it stays.
    guard let run, let step else { return }
    var members: [(name: String, value: JSON)] = [
      ("model", .string(run.recipe.model)), ("family", .string(run.family)),
      ("method", .string(run.method)), ("task", .string(type(of: run.recipe.objective).name)),
      ("parameters", .integer(run.parameters)), ("trained_parameters", .integer(run.trained)),
      ("hosts", .integer(run.hosts)), ("ranks", .integer(run.ranks)), ("threads", .integer(run.threads)),
      ("steps", .integer(run.steps)), ("steps_of_this_start", .integer(end.steps)),
      ("tokens", .integer(end.tokens)), ("seconds", .number(end.seconds)),
      ("loss", step.loss.map { .number($0) } ?? .null),
    ]
    if let validation = end.validation {
      members.append(("validation_loss", validation.loss.map { .number($0) } ?? .null))
      members += validation.scalars.map { ("validation_" + $0.name, $0.value) }
    }
    if let general = end.validation?.general { members.append(("general_loss", .number(general))) }
    // How far the loss of the task fell, and that of general text rose.
    func fall(_ loss: (Evaluation) -> Double?) -> Double? {
      guard let first = end.first.flatMap(loss), let last = end.validation.flatMap(loss) else { return nil }
      return first - last
    }
    if let learned = fall(\.loss) { members.append(("learned", .number(learned))) }
    if let won = fall(\.general) { members.append(("forgotten", .number(-won))) }
    let peaks = end.memory.peaks.map { JSON.array($0.map { .integer($0) }) }
    members.append(("peak_rss_bytes", peaks ?? .null))
    members.append(("first_host_bytes", end.memory.firstHost.map { .integer($0) } ?? .null))
    let json = JSON.object(members.map { JSON.Member(key: Array($0.name.utf8), value: $0.value) })
    do {
      try Data((json.encoded(indented: true) + "\n").utf8).write(
        to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
  }
}

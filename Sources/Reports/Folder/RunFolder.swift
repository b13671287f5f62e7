// An output folder, as those see it who only read its files: before, during and after a run.
import Base
import Collectives
import Foundation
import Recipes
import Training

package struct RunFolder {
  package let path: String
  /// Every key of the recipe; null where config.yaml cannot be read.
  package let recipe: JSON
  package let metrics: MetricsSeries
  /// What history.jsonl has, in its order.
  package let events: [JSON]
  package let state: RunState
  /// Checkpoints that look complete, oldest first.
  package let checkpoints: [(step: Int, path: String)]
  /// Lines of history.jsonl that could not be read.
  package let damagedEvents: Int

  /// - Throws: where this is no output folder, or its numbers cannot be read.
  package init(_ path: String) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else {
      throw UserError(.usage, "there is no folder \(path)", hint: "the output folder of a run is meant")
    }
    let file = path + "/config.yaml"
    guard FileManager.default.fileExists(atPath: file) else {
      throw UserError(
        .usage, "has no config.yaml, so no run has begun here", at: path,
        hint: "the output folder of a run is meant")
    }
    // A recipe of another version of swiftdp is shown as it is.
    recipe = (try? RecipeFile(file, assignments: [], paths: UserPaths(), problems: Problems()).json) ?? .null
    metrics = try MetricsSeries(output: path)
    let lines =
      (try? OpenFile.contents(path + "/" + RunHistory.fileName))?
      .split(separator: UInt8(ascii: "\n")) ?? []
    events = lines.compactMap { try? JSON.parse(Array($0)) }.filter { $0["event"]?.text != nil }
    damagedEvents = lines.count - events.count
    checkpoints = CheckpointFolder(output: path).complete
    state = RunState(path, events: events, lastStep: metrics.steps.last ?? 0)
  }

  package func events(named name: String) -> [JSON] { events.filter { $0["event"]?.text == name } }

  /// The facts of the last start; null for a run of a version that wrote none.
  package var start: JSON { events(named: "start").last ?? .null }
  /// What the last start left at its end; nil while it runs, or if it did not get there.
  package var end: JSON? {
    guard let place = events.lastIndex(where: { $0["event"]?.text == "start" }) else { return nil }
    return events[place...].last { $0["event"]?.text == "end" }
  }

  package var summary: JSON { (try? OpenFile.json(path + "/summary.json")) ?? .null }

  /// The number of steps that the run is to have; nil if that is not known.
  package var plannedSteps: Int? { start["steps"]?.amount ?? summary["steps"]?.amount }

  /// Whether a lower value of a validation number is better is only known of the loss.
  package var bestValidation: (step: Int, loss: Double)? {
    guard let losses = metrics["validation_loss"] else { return nil }
    return zip(metrics.steps, losses).filter { !$0.1.isNaN }.min { $0.1 < $1.1 }
      .map { (step: $0.0, loss: $0.1) }
  }
}

/// How a run stands.
package enum RunState: Equatable {
  case running(holder: String)
  case done
  case stopped(reason: String, step: Int)
  case failed(message: String)
  /// It ended without a word, as a process that is killed does.
  case interrupted(step: Int)

  init(_ output: String, events: [JSON], lastStep: Int) {
    let start = events.lastIndex { $0["event"]?.text == "start" }
    let time = start.flatMap { events[$0]["time"]?.double }.map(Date.init(timeIntervalSince1970:))
    if let holder = RunningRun.holder(in: output) {
      self = .running(holder: holder)
    } else if let start, events[start...].contains(where: { $0["event"]?.text == "end" }) {
      self = .done
    } else if let reason = StopFile.reason(in: output, since: time ?? .distantPast) {
      let step = (try? OpenFile.json(output + "/stop.json"))?["step"]?.amount
      self = .stopped(reason: reason.rawValue, step: step ?? lastStep)
    } else if FailureFile.age(in: output, since: time ?? .distantPast) != nil {
      let message = (try? OpenFile.json(output + "/failure.json"))?["message"]?.text
      self = .failed(message: message ?? "failure.json cannot be read")
    } else if start == nil, FileManager.default.fileExists(atPath: output + "/summary.json") {
      self = .done
    } else {
      self = .interrupted(step: lastStep)
    }
  }

  package var words: String {
    switch self {
    case .running(let holder): "running: \(holder)"
    case .done: "done"
    case .stopped(let reason, let step): "stopped by \(reason) after step \(step)"
    case .failed(let message): "failed: \(message)"
    case .interrupted(0): "ended before the first step was done"
    case .interrupted(let step): "ended without a word after step \(step)"
    }
  }
}

extension JSON {
  /// A whole number that counts something; nil for what no run can have counted.
  var amount: Int? { integer.flatMap { (0...1 << 50).contains($0) ? $0 : nil } }
}

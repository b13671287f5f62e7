// Benchmarks while a run trains, and when a run ends because it does not get better.
import Base

/// `training.evaluate`
package struct EvaluationRecipe: Sendable {
  /// Names of shipped tasks, and task files.
  package var tasks: [String]
  /// The folder of data sets; nil without one.
  package var data: String?
  /// Steps between two evaluations.
  package var every: Int
  /// The first rows of each task only; nil for all.
  package var limit: Int?
  /// Examples before a question; nil for what a task says.
  package var shots: Int?
  package var batchSize: Int

  init(_ section: Section) {
    tasks = section.texts("tasks", default: [])
    if tasks.isEmpty { section.fail("tasks", "names no task", hint: "such as [arc_easy, mine.yaml]") }
    data = section.has("data") ? section.filePath("data") : nil
    every = section.integer("every", default: 200, in: 1...Int.max)
    limit = section.has("limit") ? section.integer("limit", in: 1...Int.max) : nil
    shots = section.has("shots") ? section.integer("shots", in: 0...10_000) : nil
    batchSize = section.integer("batch_size", default: 64, in: 1...1 << 16)
  }
}

/// `training.early_stopping`
package struct StoppingRecipe: Sendable {
  /// What is watched.
  package enum Measure: Sendable, Equatable {
    case validationLoss
    case task(String, metric: String)

    package var name: String {
      switch self {
      case .validationLoss: "validation_loss"
      case .task(let task, let metric): "\(task).\(metric)"
      }
    }
  }

  /// Which weights a run leaves.
  package enum Restore: String, CaseIterable, Sendable {
    case best
    case last
  }

  package var measure: Measure
  /// How many measurements in a row may be no better than the best.
  package var patience: Int
  package var restore: Restore

  init(_ section: Section, evaluation: EvaluationRecipe?) {
    let text = section.text("on", default: "validation_loss")
    patience = section.integer("patience", default: 3, in: 1...Int.max)
    restore = section.choice("restore", default: .best)
    measure = .validationLoss
    guard text != "validation_loss" else { return }
    let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2 else {
      section.fail(
        "on", "is \(text.quoted)", hint: "validation_loss, or TASK.METRIC such as arc_easy.acc")
      return
    }
    if evaluation == nil {
      section.fail("on", "is \(text.quoted), and no task is run", hint: "set training.evaluate")
    }
    measure = .task(parts[0], metric: parts[1])
  }
}

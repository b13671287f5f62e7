// `tasks` of a recipe: several tasks over one trunk, each with data of its own.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Models
import Objectives

/// One of the tasks of a recipe.
package struct TaskPart: Sendable {
  package var share: TaskShare
  package var data: DataRecipe
}

struct TasksRecipe {
  static let key = "tasks"

  /// Empty where there is a mistake.
  private(set) var parts: [TaskPart] = []
  /// The samples that tasks say they have in a step.
  private var given: [Int?] = []
  private let top: Section

  init(_ top: Section) {
    self.top = top
    var names = PartNames()
    for section in top.sectionList(Self.key) {
      let objective = TaskRecipe(naming: section).objective
      let kind = type(of: objective)
      if !SharedTrunk.kinds.contains(where: { $0.name == kind.name }) {
        section.fail(
          "name", "is \(kind.name), which shares no trunk with other tasks",
          hint: "there are \(SharedTrunk.kinds.map { $0.name }.joined(separator: ", "))")
      }
      let name = section.has("as") ? section.text("as") : kind.name
      if !section.has("as") { section.record("as", .string(name)) }
      names.take(name, section, "as", of: "task")
      let weight = section.number("weight", default: 1, in: 1e-6...1e6)
      given.append(
        section.has("batch_size") ? section.integer("batch_size", in: 1...1 << 24) : nil)
      let data = DataRecipe(section.section("data"), for: objective)
      if data.retrieval != nil || data.readsStandardInput {
        section.fail(
          "data",
          "reads \(data.retrieval != nil ? "passages" : "standard input"), and several tasks read files")
      }
      parts.append(
        TaskPart(
          share: TaskShare(name: name, objective: objective, weight: weight, samples: 1), data: data))
    }
    for key in ["task", "adapter"] where top.has(key) {
      top.fail(key, "stands beside tasks", hint: "leave one of them out")
    }
  }

  /// The tasks with their shares of a step; what tasks leave open is divided evenly, the first ones get the rest.
  func parts(ofBatch size: Int, _ training: Section) -> [TaskPart] {
    // That there are none was told.
    guard !parts.isEmpty else { return [] }
    let open = given.count { $0 == nil }
    let left = size - given.reduce(0) { $0 + ($1 ?? 0) }
    guard open > 0 ? left >= open : left == 0 else {
      let sum = size - left
      training.fail(
        "batch_size",
        "is \(size), and \(open > 0 ? "tasks alone have" : "those of tasks are together") \(sum)",
        hint: "set training.batch_size=\(sum + open)")
      return parts
    }
    var parts = parts
    var rest = open > 0 ? left % open : 0
    for index in parts.indices {
      guard given[index] == nil else {
        parts[index].share.samples = given[index] ?? 1
        continue
      }
      parts[index].share.samples = left / open + (rest > 0 ? 1 : 0)
      rest = max(0, rest - 1)
    }
    return parts
  }

  /// What of a recipe is not for several tasks.
  func check(_ method: any Method, _ keep: KeepRecipe) {
    let section = top.section("keep")
    for (key, isGiven) in [
      ("ewc", keep.elastic != nil), ("replay", keep.replay != nil), ("kl_to_base", keep.divergence > 0),
      ("watch", !keep.watched.isEmpty),
    ] where isGiven {
      section.fail(key, "is for one task, and there are several", hint: "l2_sp is for any number")
    }
    guard !(method is FullMethod || method is LastLayers || method is BitFit || method is LayerNorm) else {
      return
    }
    top.fail(
      "method", "is \(type(of: method).name), and tasks share a trunk that is trained itself",
      hint: "take full, last_layers, bitfit or layernorm")
  }
}

extension Recipe {
  /// The recipe of one of its tasks alone.
  package func part(_ task: Int) -> Recipe {
    var part = self
    part.tasks = []
    part.objective = tasks[task].share.objective
    part.data = tasks[task].data
    part.training.batchSize = tasks[task].share.samples
    return part
  }

  /// The same recipe with what the data of its tasks tell.
  /// - Throws: what cannot be read, of all tasks.
  func settledTasks() throws -> Recipe {
    var settled = self
    let problems = Problems()
    for task in tasks.indices {
      guard let part = problems.collect({ try part(task).settled() }) else { continue }
      settled.tasks[task].share.objective = part.objective
      settled.tasks[task].data = part.data
      settled.method = part.method
    }
    try problems.throwIfAny()
    settled.objective = SharedTrunk(settled.tasks.map(\.share))
    settled.data = settled.tasks[0].data
    return settled
  }
}

extension DataRecipe {
  /// Where mistakes of tasks leave no data.
  static var empty: DataRecipe {
    DataRecipe(Section(nil, file: nil, code: .usage, problems: Problems()), for: LanguageModel())
  }
}

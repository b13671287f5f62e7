// Several heads on one trunk, each for a task of its own: the first has the names that its model has in transformers, so
// that a folder with all of them is also a model for the first task.
import Base
import Graph
import Tensors

/// The head of one of several tasks.
package struct TaskHead: Sendable {
  /// How the names of further heads begin in the folder of a run.
  package static let prefix = "heads."

  package let name: String
  package let head: Head
  /// What the names of its own parameters begin with; empty for the first task.
  package let prefix: String
  /// config.json of a model with this head alone.
  let config: JSON
  /// Whether the folder has a head of this kind.
  let isOfFolder: Bool
}

extension ModelDescription {
  /// The same model with a head for each of some tasks, of which the first is active.
  /// - Throws: if the family has no head of some kind.
  package func with(_ heads: [(name: String, head: Head)]) throws -> ModelDescription {
    guard let first = heads.first else { preconditionFailure("there is a task") }
    var joint = try with(first.head)
    joint.taskHeads = try heads.enumerated().map { number, each in
      TaskHead(
        name: each.name, head: each.head, prefix: number == 0 ? "" : TaskHead.prefix + each.name + ".",
        config: try with(each.head).config, isOfFolder: each.head.kind == head.kind)
    }
    joint.hasNewHead = joint.hasNewHead || heads.contains { $0.head != head }
    return joint.adapted(by: adaptation)
  }

  /// The same model, with another of its heads to be recorded.
  package func active(_ task: Int) -> ModelDescription {
    var other = self
    (other.activeHead, other.head, other.config) = (task, taskHeads[task].head, taskHeads[task].config)
    return other
  }

  /// The model with each of its heads; itself where it has one.
  package var eachTask: [ModelDescription] { taskHeads.isEmpty ? [self] : taskHeads.indices.map(active) }

  /// The parameters of the model with its active head alone.
  package var activeParameters: [ParameterSpec] {
    taskHeads.isEmpty ? parameters : Graph.parameters(adaptation) { record(on: $0) }
  }

  /// Tells a graph which of several heads will be recorded.
  package func prepare(_ graph: Graph) {
    guard !taskHeads.isEmpty else { return }
    graph.headPrefix = taskHeads[activeHead].prefix
    graph.hasOtherHeads = taskHeads.count > 1
  }

  /// Records the trunk with all heads: what has parameters.
  func recordAll(on graph: Graph) {
    guard !taskHeads.isEmpty else { return record(on: graph) }
    let hidden = family.forward(graph)
    for task in taskHeads {
      graph.headPrefix = task.prefix
      _ = task.head.record(hidden, of: family, on: graph)
    }
  }

  /// The name of a parameter in a model of its task alone.
  package func nameInTask(_ parameter: String) -> String {
    taskHead(of: parameter).map { String(parameter.dropFirst($0.prefix.count)) } ?? parameter
  }

  private func taskHead(of parameter: String) -> TaskHead? {
    taskHeads.first { !$0.prefix.isEmpty && parameter.hasPrefix($0.prefix) }
  }

  /// Names under which a folder may hold a parameter of a further head; nil for other parameters.
  func namesOfTaskHead(_ parameter: String) -> [String]? {
    guard let task = taskHead(of: parameter) else { return nil }
    let own = nameInTask(parameter)
    let isLast = task.head.module(of: type(of: family)).map { own.hasPrefix($0 + ".") } ?? false
    // What ends a head of another kind is not of this one, whatever its shape.
    return isLast && !task.isOfFolder ? [parameter] : [parameter] + names(of: own)
  }
}

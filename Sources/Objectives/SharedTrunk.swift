// Several tasks over one trunk (Caruana 1997): the loss of a step is the sum of the tasks' mean losses, each times its
// weight.
import Base
import Datasets
import Graph
import Models

/// One of the tasks of a run.
package struct TaskShare: Sendable {
  package let name: String
  package var objective: any Objective
  /// What its mean loss is multiplied by.
  package let weight: Double
  /// How many samples of it a step has.
  package var samples: Int

  package init(name: String, objective: any Objective, weight: Double, samples: Int) {
    self.name = name
    self.objective = objective
    self.weight = weight
    self.samples = samples
  }

  fileprivate var settings: JSON {
    let kind = type(of: objective).name
    return .object(
      members: [
        ("as", .string(name)), ("weight", .number(weight)), ("batch_size", .integer(samples)),
        ("task", objective.settings ?? .object(["name": .string(kind)])),
      ])
  }
}

/// What the tasks of a run are together. A recipe makes it of `tasks`; each task measures for itself.
package struct SharedTrunk: Objective {
  package static let name = "tasks"
  package static let unit = LossUnit.rows
  package let tasks: [TaskShare]

  /// The tasks that may share a trunk: those whose loss is a sum over the samples of a micro-batch, and which need no
  /// other model.
  package static let kinds: [any Objective.Type] = [
    LanguageModel.self, MaskedLanguageModel.self, Classification.self, TokenClassification.self,
    Regression.self, MultipleChoice.self, QuestionAnswering.self, TextToText.self,
  ]

  package init(_ tasks: [TaskShare]) {
    precondition(!tasks.isEmpty, "there is a task")
    self.tasks = tasks
  }

  /// Not by a name: it is made of other tasks.
  package init(_ settings: Section) {
    self.init([TaskShare(name: LanguageModel.name, objective: LanguageModel(), weight: 1, samples: 1)])
  }

  package init?(evaluating model: ModelDescription) { nil }

  package var settings: JSON? {
    .object(["name": .string(Self.name), "tasks": .array(tasks.map(\.settings))])
  }

  package var head: Head { tasks[0].objective.head }
  package var heads: [(name: String, head: Head)] { tasks.map { ($0.name, $0.objective.head) } }
  package var answersTexts: Bool { tasks.allSatisfy(\.objective.answersTexts) }
  package func prepare(_ data: inout DataOptions) { tasks[0].objective.prepare(&data) }

  package func check(_ model: ModelDescription) throws {
    for (task, own) in zip(tasks, model.eachTask) { try task.objective.check(own) }
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    tasks[model.activeHead].objective.record(hidden, of: model, on: graph)
  }

  /// Of each task: the sum of its losses, its units, and its own counts.
  package var counts: Int { start(of: tasks.count) }

  private func start(of task: Int) -> Int { tasks[..<task].reduce(0) { $0 + 2 + $1.objective.counts } }

  /// What a micro-batch of a task leaves beside its loss.
  package func counts(of task: Int, _ sums: LossSums) -> [Double] {
    var all = [Double](repeating: 0, count: counts)
    let start = start(of: task)
    (all[start], all[start + 1]) = (sums.loss, Double(sums.units))
    for (place, count) in sums.counts.enumerated() { all[start + 2 + place] = count }
    return all
  }

  /// The part of a task in what micro-batches left.
  package func sums(of task: Int, in all: LossSums) -> LossSums {
    let start = start(of: task)
    return LossSums(
      loss: all.counts[start], units: Int(all.counts[start + 1]),
      counts: Array(all.counts[start + 2..<self.start(of: task + 1)]))
  }

  /// The loss of a step: the weighted sum of mean losses. A task without a unit has none.
  package func loss(of all: LossSums) -> Double {
    tasks.indices.reduce(0) { $0 + tasks[$1].weight * (sums(of: $1, in: all).meanLoss ?? 0) }
  }

  package func scalars(ofStep all: LossSums) -> [Scalar] {
    tasks.indices.flatMap { task -> [Scalar] in
      let own = sums(of: task, in: all)
      guard let loss = own.meanLoss else { return [] }
      return named([Scalar("loss", loss)] + tasks[task].objective.scalars(ofStep: own), of: task)
    }
  }

  /// The numbers of a task under its name, such as `ner/loss`.
  package func named(_ scalars: [Scalar], of task: Int) -> [Scalar] {
    scalars.map { scalar in
      var named = scalar
      named.name = "\(tasks[task].name)/\(scalar.name)"
      return named
    }
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] { [] }
}

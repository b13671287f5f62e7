// What a run does beside its steps where only a head is trained: the features of all samples, and a head that is fitted to
// them at once.
import Adapters
import Base
import Collectives
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Objectives
import Recipes
import Tensors

/// The features of a run.
struct HeadRun {
  let features: FeatureStore
  private let fit: LogisticFit?
  private let replica: Replica
  private let ranks: Ranks

  /// What the method leaves of a sample; nil for methods that train more than a head.
  /// - Throws: if the model's head reads more than that.
  static func form(_ recipe: Recipe, _ description: ModelDescription) throws -> FeatureForm? {
    guard recipe.method is Features else { return nil }
    guard let form = description.featureForm(for: recipe.objective) else {
      throw UserError(
        .usage, "is features, and the head of this model reads more than one row of numbers for each token",
        at: "method", hint: "set method=last_layers")
    }
    return form
  }

  /// Computes the features of all samples from a step on. Collective.
  /// - Parameter first: the first step, from 1.
  init(
    _ recipe: Recipe, _ data: RunData, _ form: FeatureForm, from first: Int, replica: Replica, ranks: Ranks,
    ledger: MemoryLedger
  ) throws {
    guard let method = recipe.method as? Features else { preconditionFailure("the method has no features") }
    let sequences = data.dataset.train
    features = try FeatureStore(
      sequences, needed: method.isRegression ? Set(0..<sequences.count) : data.sequences(from: first), form,
      replica: replica, ranks: ranks, mask: recipe.data.packingMask,
      folder: method.place == .disk ? recipe.output + "/features" : nil, ledger: ledger)
    self.replica = replica
    self.ranks = ranks
    if method.isRegression, let task = recipe.objective as? Classification {
      let hasBias = replica.layout.parameters.contains { $0.spec.trains && $0.spec.shape.count == 1 }
      fit = LogisticFit(
        features, of: sequences, task: task, method.regression, hasBias: hasBias, ranks: ranks,
        pool: replica.engine.pool)
    } else {
      fit = nil
    }
  }

  /// Fits the head to all samples, if the method does so, and leaves it in the weights. Collective.
  /// - Parameter fill: gives weights to all who keep some.
  func run(_ step: Int, tokens: Int, fill: (any WeightReader) throws -> Void) throws -> StepReport? {
    guard let fit else { return nil }
    let start = Date()
    let (weights, biases, loss, result) = fit.run()
    try ranks.together {
      try fill(FittedHead(weights: weights, biases: biases, layout: replica.layout))
    }
    replica.weights.refreshVectors()
    return StepReport(
      step: step, loss: loss, scalars: [Scalar("iterations", .integer(result.iterations))],
      gradientNorm: result.point.gradient.reduce(0) { $0 + $1 * $1 }.squareRoot(), learningRate: 0,
      tokens: tokens, units: fit.units, seconds: Date().timeIntervalSince(start), exchangeSeconds: 0,
      audits: 0, finding: nil)
  }
}

/// The weights and biases of a fitted head.
private struct FittedHead: WeightReader {
  let weights: [Float]
  let biases: [Float]
  let layout: ParameterLayout

  func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
    let source = layout.parameters[parameter].spec.shape.count == 1 ? biases : weights
    for (place, element) in elements.enumerated() { target[place] = source[element] }
  }
}

extension ModelDescription {
  /// What the frozen part leaves for the head; nil where the head reads more than one row of it for each token.
  fileprivate func featureForm(for objective: any Objective) -> FeatureForm? {
    let graph = Graph(
      layout: layout, type: .float32, shape: BatchShape(sequences: 1, length: 2, sourceLength: 3),
      purpose: .training, dropout: false, adaptation: adaptation)
    objective.record(family.forward(graph), of: self, on: graph)
    return graph.featureForm
  }
}

extension TokenSequences {
  /// The bytes of the features of all sequences.
  func featureBytes(_ form: FeatureForm) -> Int {
    (form.isPerToken ? tokenCount : count) * form.width * MemoryLayout<Float>.stride
  }
}

extension RunData {
  /// The sequences that occur from a step on, the first being number 1.
  func sequences(from first: Int) -> Set<Int> {
    var (found, stream) = (Set<Int>(), stream)
    for step in stride(from: first, through: steps, by: 1) {
      if found.count == dataset.train.count { break }
      found.formUnion(stream.sequences(step: step - 1))
    }
    return found
  }
}

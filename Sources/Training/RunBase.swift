// What a run's folders say of the model that it fine-tunes: all of it, or what is trained beside a base.
import Adapters
import Base
import Checkpoints
import Models
import Recipes

struct RunBase {
  /// Of the base, where not all of it is trained.
  let fingerprint: String?
  /// What checkpoints and `OUTPUT/model` hold.
  private(set) var checkpointForm: WeightsForm
  private(set) var modelForm: WeightsForm
  /// What a checkpoint must agree with to go on from it.
  let conditions: [(String, JSON)]

  /// - Throws: where the base cannot be read or trained, or an adapter is of another one.
  init(_ description: ModelDescription, _ recipe: Recipe) throws {
    if recipe.weights != .random { try description.checkTrainsNothingPacked(in: recipe.model) }
    guard description.parameters.contains(where: { !$0.trains || $0.isAdded }) else {
      (fingerprint, checkpointForm, modelForm, conditions) = (nil, .model, .model, [])
      return
    }
    if let adapter = recipe.adapter { try AdapterWeights.checkBase(of: adapter, is: recipe.model) }
    fingerprint =
      recipe.weights == .random ? nil : try HuggingFaceWeights(folder: recipe.model).fingerprint()
    (checkpointForm, modelForm) = (.trainedPart, .model)
    conditions =
      [("method", recipe.method.settings), ("frozen_dtype", .string("\(recipe.frozen)"))]
      + (fingerprint.map { [("base", .string($0))] } ?? [])
    try describe(description, recipe)
  }

  /// Whether `OUTPUT/model` is an adapter beside a base.
  var leavesAdapter: Bool {
    switch modelForm {
    case .adapter, .adapters: true
    case .model, .trainedPart, .heads: false
    }
  }

  /// Notes what the method of a recipe writes into adapter_config.json, if it leaves one.
  mutating func describe(_ description: ModelDescription, _ recipe: Recipe) throws {
    let model = AdaptedModel(description)
    if let several = recipe.method as? AdapterSet {
      modelForm = .adapters(AdapterFiles(try several.configs(of: model, base: recipe.model)))
      return
    }
    guard let config = try recipe.method.adapterConfig(of: model, base: recipe.model) else { return }
    (checkpointForm, modelForm) = (.adapter(config: config), .adapter(config: config))
  }
  /// The form of `OUTPUT/model`, with tensors that stand there in the place of parameters.
  func left(by method: any Method, of replica: Replica) throws -> (WeightsForm, [DerivedTensor]) {
    guard case .adapter(let config) = modelForm else { return (modelForm, []) }
    let (weights, layout) = (replica.weights, replica.layout)
    let left = try method.left(of: AdaptedModel(replica.description), config: config) { name in
      guard let parameter = layout[name] else { preconditionFailure("\(name) is not trained") }
      return Array(
        UnsafeBufferPointer(start: weights.floats + parameter.range.lowerBound, count: parameter.range.count))
    }
    return (.adapter(config: left.config), left.tensors)
  }
}

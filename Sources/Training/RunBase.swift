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
  let checkpointForm: WeightsForm
  let modelForm: WeightsForm
  /// What a checkpoint must agree with to go on from it.
  let conditions: [(String, JSON)]

  /// - Throws: where the base cannot be read, or an adapter is of another one.
  init(_ description: ModelDescription, _ recipe: Recipe) throws {
    guard description.parameters.contains(where: { !$0.trains || $0.isAdded }) else {
      (fingerprint, checkpointForm, modelForm, conditions) = (nil, .model, .model, [])
      return
    }
    if let adapter = recipe.adapter { try AdapterWeights.checkBase(of: adapter, is: recipe.model) }
    fingerprint =
      recipe.weights == .random ? nil : try HuggingFaceWeights(folder: recipe.model).fingerprint()
    let model = AdaptedModel(description)
    if let config = try recipe.method.adapterConfig(of: model, base: recipe.model) {
      (checkpointForm, modelForm) = (.adapter(config: config), .adapter(config: config))
    } else {
      (checkpointForm, modelForm) = (.trainedPart, .model)
    }
    conditions =
      [("method", recipe.method.settings), ("frozen_dtype", .string("\(recipe.frozenStorage)"))]
      + (fingerprint.map { [("base", .string($0))] } ?? [])
  }
}

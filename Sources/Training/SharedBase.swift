// The frozen weights of a model for several runs at once, such as the trials of a search: one copy on each host.
import Adapters
import Base
import Checkpoints
import Collectives
import Graph
import Kernels
import Models
import Recipes
import Sharding
import Tensors

package struct SharedBase {
  private let model: String
  private let form: FrozenForm
  private let type: ElementType
  private let store: WeightStore
  package let bytes: Int

  /// Reads the weights of a recipe's model. Collective.
  /// - Throws: what is wrong with the folder.
  package init(_ recipe: Recipe, ranks: Ranks, threads: Int) throws {
    let description = try ranks.together {
      let description = try ModelDescription.stored(in: recipe.model)
      try description.checkFits(
        folder: recipe.model, type: recipe.elementType, frozen: recipe.frozen)
      return description.adapted(by: NoFineTuning())
    }
    let engine = try ranks.together { try Engine(threads: threads, kernel: recipe.parallel.blasKernel) }
    (model, form, type) = (recipe.model, recipe.frozen, recipe.elementType)
    store = try .frozen(description, recipe, ranks: ranks)
    bytes = store.frozen?.plan.bytes ?? 0
    try ranks.together {
      let reader = try FolderWeights(folder: recipe.model, description, layout: store.layout)
      try store.frozen?.fill(from: reader, on: engine.pool.runTiles)
    }
    ranks.barrier()
  }

  /// Whether a run leaves weights of its base as they are, so that a copy serves several.
  package static func serves(_ recipe: Recipe) -> Bool {
    if let full = recipe.method as? FullMethod, full.trainsEverything { return false }
    // Ways of starting that change the base.
    if let lora = recipe.method as? LoRA, lora.start.decomposes { return false }
    return recipe.weights == .pretrained
  }

  /// The weights of a run on this base; nil where it is for another one, or lacks what the run does not train.
  func weights(_ layout: ParameterLayout, trained: WeightLine, _ recipe: Recipe) -> WeightStore? {
    guard Self.serves(recipe), recipe.model == model, recipe.frozen == form,
      recipe.elementType == type
    else { return nil }
    return WeightStore(layout, trained: trained, on: store)
  }
}

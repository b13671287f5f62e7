// Where each parameter of a run comes from.
import Base
import Checkpoints
import Models
import Recipes
import Tensors

/// The base gives what is frozen, a checkpoint what is trained; without one the base and the method give that too.
struct RunReader: WeightReader {
  private let layout: ParameterLayout
  private let base: any WeightReader
  /// Of a checkpoint.
  private let trained: (any WeightReader)?
  /// What the method has added.
  private let added: any WeightReader

  /// - Parameter checkpoint: the folder that the run goes on from.
  /// - Throws: what is missing or wrong in the folders.
  init(
    _ description: ModelDescription, _ recipe: Recipe, layout: ParameterLayout, checkpoint: String? = nil
  ) throws {
    self.layout = layout
    let random = RandomWeights(layout, seed: recipe.training.seed)
    let isWhole = layout.trainedCount == layout.count
    // A checkpoint of a model that is trained as a whole needs no base any more.
    base =
      recipe.weights == .random || isWhole && checkpoint != nil
      ? random : try FolderWeights(folder: recipe.model, description, layout: layout)
    trained = try checkpoint.map { folder -> any WeightReader in
      AdapterWeights.isIn(folder)
        ? try AdapterWeights(folder: folder, layout: layout.trained) as any WeightReader
        : try FolderWeights(folder: folder, description, layout: layout.trained)
    }
    added = try recipe.adapter.map { try AdapterWeights(folder: $0, layout: layout.trained) } ?? random
  }

  func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = layout.parameters[parameter].spec
    if spec.trains, let trained { return try trained.read(parameter, elements, into: target) }
    try (spec.isAdded ? added : base).read(parameter, elements, into: target)
  }
}

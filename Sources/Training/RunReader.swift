// Where each parameter of a run comes from.
import Base
import Checkpoints
import Kernels
import Models
import Recipes
import Tensors

/// The base gives what is frozen; a checkpoint, or the adapter that a run starts from, what is trained. Without either the
/// base gives that too, and what the method has added is drawn or follows from the base.
struct RunReader: WeightReader {
  private let layout: ParameterLayout
  private let base: any WeightReader
  /// Of a checkpoint or an adapter.
  private let trained: (any WeightReader)?
  /// Whether that holds what is added and not trained.
  private let holdsAdded: Bool
  private let random: RandomWeights

  /// - Parameter checkpoint: the folder that the run goes on from.
  /// - Throws: what is missing or wrong in the folders.
  init(
    _ description: ModelDescription, _ recipe: Recipe, layout: ParameterLayout, checkpoint: String? = nil,
    engine: Engine
  ) throws {
    self.layout = layout
    random = RandomWeights(layout, seed: recipe.training.seed)
    let isWhole = layout.trainedCount == layout.count
    // A checkpoint of a model that is trained as a whole needs no base any more.
    let folder: any WeightReader =
      recipe.weights == .random || isWhole && checkpoint != nil
      ? random : try FolderWeights(folder: recipe.model, description, layout: layout, head: random)
    base =
      DerivedWeights(
        description, layout: layout, base: folder, storage: recipe.frozen.projections, engine: engine)
      ?? folder
    let place = checkpoint ?? recipe.adapter
    holdsAdded = place.map(AdapterWeights.isIn) ?? false
    trained = try place.map { path -> any WeightReader in
      guard AdapterWeights.isIn(path) else {
        return try FolderWeights(folder: path, description, layout: layout.trained)
      }
      let adapter = try AdapterWeights(folder: path, description, layout: layout)
      try adapter.checkCopies(of: folder)
      return adapter
    }
  }

  func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = layout.parameters[parameter].spec
    if let trained, spec.trains || spec.isAdded && holdsAdded {
      return try trained.read(parameter, elements, into: target)
    }
    let isDrawn = spec.isAdded && spec.initial.source == nil
    try (isDrawn ? random as any WeightReader : base).read(parameter, elements, into: target)
  }

  func halves(of parameter: Int) -> MappedHalves? {
    layout.parameters[parameter].spec.isOfAdapter ? nil : base.halves(of: parameter)
  }
}

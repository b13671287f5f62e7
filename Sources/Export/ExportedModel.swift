// The model that is exported: a folder, or a base with an adapter folded in.
import Adapters
import Base
import Checkpoints
import Graph
import Kernels
import Models
import Tensors

struct ExportedModel {
  let description: ModelDescription
  let weights: any WeightReader

  /// - Throws: what is wrong with the folders.
  init(_ model: String, adapter: String?, threads: Int) throws {
    guard let adapter else {
      description = try ModelDescription.stored(in: model).adapted(by: NoFineTuning())
      weights = try FolderWeights(folder: model, description, layout: description.layout)
      return
    }
    try AdapterWeights.checkBase(of: adapter, is: model)
    let method = try adapterMethod(in: adapter)
    let adapted = try ModelDescription.stored(in: model, adapter: adapter)
    guard method.foldsIntoBase, adapted.virtualPositions == .none else {
      throw UserError(
        .usage, "is an adapter of the method \(type(of: method).name), which folds into no weights",
        at: adapter, hint: "GGUF and folders of whole numbers have no form of it")
    }
    let merged = try MergedWeights(
      adapted, base: model, adapter: adapter, storage: .float32, engine: try Engine(threads: threads))
    (description, weights) = (merged.description, merged)
  }
}

// A model that takes part in a merge: a folder, or a base with an adapter folded in.
import Base
import Checkpoints
import Graph
import Kernels
import Models
import Tensors

/// What a recipe calls it: `FOLDER`, or `FOLDER+ADAPTER`.
struct MergeModelName: Hashable {
  let base: String
  let adapter: String?

  /// - Throws: `UserError` without a place.
  init(_ text: String, paths: UserPaths, exists: (String) -> Bool) throws {
    let path = try paths.path(text)
    // A folder may have a plus in its own name.
    guard !exists(path), let plus = text.lastIndex(of: "+") else {
      (base, adapter) = (path, nil)
      return
    }
    base = try paths.path(String(text[..<plus]))
    adapter = try paths.path(String(text[text.index(after: plus)...]))
  }

  /// For messages.
  var words: String { adapter.map { "\(base)+\($0)" } ?? base }
}

struct MergeModel {
  let name: MergeModelName
  let description: ModelDescription
  let layout: ParameterLayout
  let layers: LayerNames
  private let reader: any WeightReader

  /// - Throws: what is wrong with the folders.
  init(_ name: MergeModelName, engine: Engine) throws {
    self.name = name
    if let adapter = name.adapter {
      try AdapterWeights.checkBase(of: adapter, is: name.base)
      let method = try adapterMethod(in: adapter)
      guard method.foldsIntoBase else {
        throw UserError(
          .usage, "is an adapter of the method \(type(of: method).name), which no weights of a base can hold",
          at: adapter)
      }
      let adapted = try ModelDescription.stored(in: name.base, adapter: adapter)
      let merged = try MergedWeights(
        adapted, base: name.base, adapter: adapter, storage: .float32, engine: engine)
      (description, reader) = (merged.description, merged)
      layout = merged.description.layout
    } else {
      description = try ModelDescription.stored(in: name.base).adapted(by: NoFineTuning())
      layout = description.layout
      reader = try FolderWeights(folder: name.base, description, layout: layout)
    }
    layers = try LayerNames(description, layout: layout)
  }

  /// All numbers of a parameter.
  func read(_ parameter: Int, into target: UnsafeMutableBufferPointer<Float>) throws {
    try reader.read(parameter, 0..<layout.parameters[parameter].range.count, into: target)
    guard target.allSatisfy(\.isFinite) else {
      throw UserError(
        .data, "holds numbers that are not finite",
        at: "\(name.words): \(layout.parameters[parameter].spec.name)")
    }
  }
}

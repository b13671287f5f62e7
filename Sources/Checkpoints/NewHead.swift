// A head that a model's folder lacks: it begins at random.
import Adapters
import Base
import Models
import Tensors

extension ModelDescription {
  /// Describes the model of a folder with a head for a task. What the folder lacks of the head is new, and a note says
  /// so.
  /// - Throws: as `stored(in:)`, and if the model's family has no such head.
  package static func stored(in folder: String, with head: Head) throws -> ModelDescription {
    try stored(in: folder).with(head).findingNew(in: folder)
  }

  /// The same with a head for each of several tasks.
  package static func stored(
    in folder: String, with heads: [(name: String, head: Head)]
  ) throws -> ModelDescription {
    try stored(in: folder).with(heads).findingNew(in: folder)
  }

  private func findingNew(in folder: String) -> ModelDescription {
    guard let files = try? HuggingFaceWeights(folder: folder) else { return self }
    let isNew = { (spec: ParameterSpec) in
      let name = names(of: spec.name).first(where: files.contains)
      return name.flatMap(files.shape) != spec.shape
    }
    var description = self
    description.newParameters = parameters.filter { $0.isHead && isNew($0) }.map(\.name)
    return description
  }
}

extension ModelDescription {
  /// Describes the base in a folder with an adapter on it, and with the head that the adapter brings.
  /// - Throws: what is wrong with the folders.
  package static func stored(in folder: String, adapter: String) throws -> ModelDescription {
    var base = try stored(in: folder)
    if let head = try AdapterWeights.head(of: adapter, for: base) { base = try base.with(head) }
    return try base.adapted(by: adapterMethod(in: adapter).asRead)
  }
}

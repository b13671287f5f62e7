// A head that a model's folder lacks: it begins at random.
import Base
import Models

extension ModelDescription {
  /// Describes the model of a folder with a head for a task. What the folder lacks of the head is new, and a note says
  /// so.
  /// - Throws: as `stored(in:)`, and if the model's family has no such head.
  package static func stored(in folder: String, with head: Head) throws -> ModelDescription {
    var description = try stored(in: folder).with(head)
    guard let files = try? HuggingFaceWeights(folder: folder) else { return description }
    let names = description.parameters.filter(\.isHead).map(\.name)
    description.newParameters = names.filter { !description.names(of: $0).contains(where: files.contains) }
    return description
  }
}

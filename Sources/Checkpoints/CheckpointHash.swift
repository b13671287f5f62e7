// One hash of all numbers of a checkpoint, whatever files they lie in.
import Base
import Digests

extension CheckpointSummary {
  /// SHA-256 over the names, element types, shapes and bytes of all weights and optimizer states.
  ///
  /// Weights come first, then the states in the order of their names; tensors in the order of the bytes of
  /// their names. So two checkpoints have the same hash if and only if they hold the same numbers, however
  /// many files they are cut into and however many ranks wrote them. Files are hashed as they lie there.
  /// - Returns: 64 hexadecimal digits.
  /// - Throws: if a file cannot be read to its end.
  package func hash() throws -> String {
    var hash = SHA256()
    let parts =
      [("weights", weights)]
      + states.map { ($0.declaration.name, $0.tensors) }.sorted { $0.0 < $1.0 }
    for (part, tensors) in parts {
      for name in tensors.names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
        let type = tensors.type(of: name)?.rawValue ?? ""
        hash.update("\(part)\0\(name)\0\(type)\0\(tensors.shape(of: name) ?? [])\0")
        try tensors.withBytes(of: name) { hash.update($0) }
      }
    }
    return hexadecimal(hash.finalize())
  }
}

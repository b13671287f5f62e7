// The weights of a model folder as Hugging Face lays it out. A matrix that is packed is one tensor here, of what its
// numbers stand for.
import Base
import Tensors

/// All weights of a folder, wherever they lie; can be read from any thread.
package final class HuggingFaceWeights: Sendable {
  /// The names of the tensors, by file, and within a file in the order in which they lie there; what is packed, behind
  /// all others.
  package let names: [String]
  private let tensors: StoredTensors
  /// By the name of the tensor that it is read as.
  private let packed: [String: PackedMatrix]

  package var folder: String { tensors.folder }

  /// Opens `STEM.safetensors`, or otherwise `STEM.safetensors.index.json` and the files it names. Tensors of those
  /// files that the index does not list are ignored.
  /// - Parameter beside: the stems of further single files, which may be there beside the first.
  /// - Throws: `UserError` if there is neither or a single file is broken, `UserErrors` with everything that is
  ///   wrong with an index and its files, or with what is packed.
  package init(folder: String, stem: String = "model", beside: [String] = []) throws {
    tensors = try StoredTensors(folder: folder, stem: stem, beside: beside)
    packed = stem == "model" ? try PackedMatrix.all(in: tensors) : [:]
    let parts = Set(packed.values.flatMap(\.tensors))
    names = tensors.names.filter { !parts.contains($0) } + packed.keys.sorted()
  }

  /// A text of the first file's header.
  package func metadata(_ key: String) -> String? { tensors.metadata(key) }

  package func contains(_ name: String) -> Bool { packed[name] != nil || tensors.contains(name) }

  /// The tensor's sizes, `[]` for a scalar; nil if there is no such tensor.
  package func shape(of name: String) -> [Int]? {
    packed[name].map { [$0.rows, $0.columns] } ?? tensors.entry(name)?.shape
  }

  /// The element type in the file, or that of the scales of what is packed; nil if there is no such tensor.
  package func type(of name: String) -> StoredType? { packed[name]?.scaleType ?? tensors.entry(name)?.type }

  /// The bits of each number of a tensor that is packed; nil for others.
  package func packedBits(of name: String) -> Int? { packed[name]?.bits }

  /// As `SafetensorsFile.read`.
  package func read(
    _ name: String, into buffer: UnsafeMutableBufferPointer<Float>, range: Range<Int>
  ) throws {
    guard let matrix = packed[name] else { return try tensors.read(name, into: buffer, range: range) }
    try matrix.read(range, into: buffer, from: tensors)
  }

  /// As `SafetensorsFile.halves`.
  package func halves(of name: String) -> MappedHalves? {
    packed[name] == nil ? tensors.halves(of: name) : nil
  }

  /// As `SafetensorsFile.withBytes`; nil for what is packed.
  package func withBytes<T>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T? {
    try tensors.withBytes(of: name, body)
  }

  /// A hash that tells its tensors, as they lie there, from those of another model.
  /// - Returns: 16 hexadecimal digits.
  /// - Throws: where a file cannot be read.
  package func fingerprint() throws -> String { try tensors.fingerprint() }
}

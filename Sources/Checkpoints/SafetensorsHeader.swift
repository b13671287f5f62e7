// The head of a safetensors file: eight bytes of length, then JSON that says where each tensor lies.
// The format is https://github.com/huggingface/safetensors#format. What it forbids is refused here, so that no other
// code has to check an offset again.
import Base

/// Names, types, shapes and places of the tensors of one file.
package struct SafetensorsHeader: Equatable, Sendable {
  package struct Entry: Equatable, Sendable {
    package var name: String
    package var type: StoredType
    package var shape: [Int]
    /// In bytes from the start of the data, which is `dataStart` in the file.
    package var bytes: Range<Int>
    /// Elements; 1 for a scalar.
    package var count: Int
  }

  /// In the order in which they lie in the file.
  package private(set) var entries: [Entry]
  package private(set) var metadata: [String: String]
  /// Where the data begins, in bytes from the start of the file.
  package private(set) var dataStart: Int
  /// Bytes of all tensors together.
  package var dataCount: Int { entries.last?.bytes.upperBound ?? 0 }

  /// The limit of the reference implementation, in bytes.
  static let longest = 100_000_000
  /// The most values in its JSON. A tensor has nine or ten, so no real file comes near; a hostile file would
  /// otherwise take twenty times its size in memory.
  static let mostValues = 4_000_000
  /// The data starts at a multiple of this, so that a mapped file can be read as vectors.
  static let alignment = 64
  static let metadataKey = "__metadata__"
}

extension SafetensorsHeader {
  /// A header for tensors that lie one after the other.
  /// - Throws: `UserError` if a shape has too many elements or a name occurs twice.
  package init(tensors: [(name: String, type: StoredType, shape: [Int])], metadata: [String: String]) throws {
    var entries: [Entry] = []
    var seen: Set<String> = []
    var end = 0
    for (name, type, shape) in tensors {
      guard let count = StoredType.elementCount(of: shape), let size = type.byteCount(of: shape),
        size <= Int.max - end
      else { throw UserError(.data, "the tensor \(name.quoted) of shape \(shape) cannot be stored") }
      guard name != Self.metadataKey, seen.insert(name).inserted else {
        throw UserError(.data, "a checkpoint cannot hold two tensors called \(name.quoted)")
      }
      entries.append(Entry(name: name, type: type, shape: shape, bytes: end..<end + size, count: count))
      end += size
    }
    self.init(entries: entries, metadata: metadata, dataStart: 0)
    dataStart = encoded().count
  }

  /// The bytes that precede the data: the length, the JSON, and spaces up to the alignment.
  package func encoded() -> [UInt8] {
    var members: [JSON.Member] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
      members.append(
        JSON.Member(
          key: Array(Self.metadataKey.utf8),
          value: .object(pairs.map { JSON.Member(key: Array($0.key.utf8), value: .string($0.value)) })))
    }
    for entry in entries {
      members.append(
        JSON.Member(
          key: Array(entry.name.utf8),
          value: .object([
            "dtype": .string(entry.type.rawValue),
            "shape": .array(entry.shape.map(JSON.integer)),
            "data_offsets": .array([.integer(entry.bytes.lowerBound), .integer(entry.bytes.upperBound)]),
          ])))
    }
    let text = Array(JSON.object(members).encoded().utf8)
    let padding = (Self.alignment - (8 + text.count) % Self.alignment) % Self.alignment
    let length = UInt64(text.count + padding)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + text
      + [UInt8](repeating: UInt8(ascii: " "), count: padding)
  }
}

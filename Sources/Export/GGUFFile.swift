// A GGUF file, version 3: metadata, the names and places of tensors, and their bytes, of which one tensor at a time is
// in memory.
import Base
import Checkpoints

/// One tensor, before its bytes are known.
struct GGUFTensor {
  let name: String
  /// As row-major arrays have it; the file has the sizes the other way round.
  let shape: [Int]
  let type: any GGUFType.Type

  var bytes: Int { type.bytes(shape.reduce(1, *)) }
}

struct GGUFFile {
  private static let version: UInt32 = 3
  /// Tensors begin at multiples of it; the value that readers take where the metadata names none.
  private static let alignment = 32

  private(set) var metadata: [(key: String, value: GGUFValue)] = []
  private let tensors: [GGUFTensor]

  init(_ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensor]) {
    self.metadata = metadata
    self.tensors = tensors
  }

  private static func padding(_ count: Int) -> Int { (alignment - count % alignment) % alignment }

  /// What stands before the tensors, padded.
  var head: [UInt8] {
    var out = Array("GGUF".utf8)
    out.append(little: Self.version)
    out.append(little: UInt64(tensors.count))
    out.append(little: UInt64(metadata.count))
    for (key, value) in metadata {
      out.append(text: Array(key.utf8))
      value.write(to: &out)
    }
    var place = 0
    for tensor in tensors {
      out.append(text: Array(tensor.name.utf8))
      out.append(little: UInt32(tensor.shape.count))
      for size in tensor.shape.reversed() { out.append(little: UInt64(size)) }
      out.append(little: tensor.type.number)
      out.append(little: UInt64(place))
      place += tensor.bytes + Self.padding(tensor.bytes)
    }
    return out + [UInt8](repeating: 0, count: Self.padding(out.count))
  }

  /// Writes everything.
  /// - Parameters:
  ///   - progress: called with the tensors that are written, and all.
  ///   - read: gives the numbers of a tensor, by its place in the list.
  /// - Throws: `UserError(.disk)`, or what `read` throws; then there is no file.
  func write(
    to file: NewFile, progress: (_ done: Int, _ all: Int) -> Void, _ read: (_ tensor: Int) throws -> [Float]
  ) throws {
    try file.write { append in
      try head.withUnsafeBytes(append)
      for (place, tensor) in tensors.enumerated() {
        progress(place, tensors.count)
        let values = try read(place)
        precondition(values.count == tensor.shape.reduce(1, *), "a tensor has other numbers than its shape")
        var bytes = values.withUnsafeBufferPointer { tensor.type.encode($0) }
        precondition(bytes.count == tensor.bytes, "\(tensor.type) has other bytes than it says")
        bytes += [UInt8](repeating: 0, count: Self.padding(bytes.count))
        try bytes.withUnsafeBytes(append)
      }
    }
  }
}

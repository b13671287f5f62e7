// Where every element of a checkpoint will lie, known to all ranks before anything is written.
import Base

/// The files of one set of tensors: their names, headers and sizes, and each tensor's place.
package struct SafetensorsPlan: Equatable, Sendable {
  package struct File: Equatable, Sendable {
    package var name: String
    package var header: SafetensorsHeader
    /// Header and data, in bytes.
    package var size: Int { header.dataStart + header.dataCount }
  }

  package struct Place: Equatable, Sendable {
    /// Which of `files`.
    package var file: Int
    /// Where the tensor begins, in bytes from the start of that file.
    package var offset: Int
    /// Elements.
    package var count: Int
    /// F32, BF16, F16, U8, I8, I32 or I64.
    package var type: StoredType
  }

  package let files: [File]
  package let stem: String
  private let places: [String: Place]

  /// Lays out tensors of one type.
  package init(
    tensors: [(name: String, shape: [Int])], type: StoredType, maximumShardBytes: Int, stem: String = "model",
    metadata: [String: String] = [:]
  ) throws {
    try self.init(
      tensors: tensors.map { (name: $0.name, type: type, shape: $0.shape) },
      maximumShardBytes: maximumShardBytes, stem: stem, metadata: metadata)
  }

  /// Lays out tensors in the order given, whole in one file each; a new file begins where the next tensor
  /// would take the data beyond `maximumShardBytes`.
  /// - Parameters:
  ///   - tensors: of `.f32`, `.bf16`, `.f16`, `.u8`, `.i8`, `.i32` or `.i64`.
  ///   - stem: `model` for what transformers loads.
  ///   - metadata: texts that each file's header holds.
  /// - Throws: `UserError` where a shape is impossible or a name stands twice.
  package init(
    tensors: [(name: String, type: StoredType, shape: [Int])], maximumShardBytes: Int,
    stem: String = "model", metadata: [String: String] = [:]
  ) throws {
    precondition(
      tensors.allSatisfy { [.f32, .bf16, .f16, .u8, .i8, .i32, .i64].contains($0.type) },
      "files are written in F32, BF16, F16, U8, I8, I32 or I64")
    precondition(maximumShardBytes > 0, "a shard holds at least one byte")
    var groups: [[(name: String, type: StoredType, shape: [Int])]] = [[]]
    var filled = 0
    for (name, type, shape) in tensors {
      guard let size = type.byteCount(of: shape) else {
        throw UserError(.data, "the tensor \(name.quoted) of shape \(shape) cannot be stored")
      }
      if !groups[groups.count - 1].isEmpty, size > maximumShardBytes - filled {
        groups.append([])
        filled = 0
      }
      groups[groups.count - 1].append((name, type, shape))
      // One tensor may exceed the limit by itself; nothing joins it then.
      filled = min(filled + min(size, maximumShardBytes), maximumShardBytes)
    }
    var files: [File] = []
    var places: [String: Place] = [:]
    for (number, group) in groups.enumerated() {
      // transformers loads only files that call themselves PyTorch's.
      let header = try SafetensorsHeader(tensors: group, metadata: metadata.merging(["format": "pt"]) { $1 })
      for entry in header.entries {
        let place = Place(
          file: number, offset: header.dataStart + entry.bytes.lowerBound, count: entry.count,
          type: entry.type)
        guard places.updateValue(place, forKey: entry.name) == nil else {
          throw UserError(.data, "a checkpoint cannot hold two tensors called \(entry.name.quoted)")
        }
      }
      files.append(File(name: Self.fileName(stem, number, of: groups.count), header: header))
    }
    self.files = files
    self.stem = stem
    self.places = places
  }

  /// Where a tensor lies; nil if the plan has no tensor of that name.
  package func place(of name: String) -> Place? { places[name] }

  package var indexName: String { "\(stem).safetensors.index.json" }

  /// Bytes of all tensors, without headers.
  package var totalSize: Int { files.reduce(0) { $0 + $1.header.dataCount } }

  /// Which tensor lies in which file, as transformers writes it; useful even if there is only one file.
  package var index: JSON { index { $0 } }

  /// The same with other names of the files.
  func index(naming name: (_ file: String) -> String) -> JSON {
    let map = files.flatMap { file in
      file.header.entries.map { JSON.Member(key: Array($0.name.utf8), value: .string(name(file.name))) }
    }
    return .object(["metadata": .object(["total_size": .integer(totalSize)]), "weight_map": .object(map)])
  }

  private static func fileName(_ stem: String, _ number: Int, of count: Int) -> String {
    func five(_ number: Int) -> String { zeroPadded(String(number), to: 5) }
    return count == 1 ? "\(stem).safetensors" : "\(stem)-\(five(number + 1))-of-\(five(count)).safetensors"
  }
}

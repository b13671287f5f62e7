// The tensors of a model folder as Hugging Face lays it out: one safetensors file, or several and an index.
import Base
import Foundation
import Tensors

/// All tensors of a folder, wherever they lie; can be read from any thread.
struct StoredTensors: Sendable {
  let folder: String
  /// The names of the tensors, by file, and within a file in the order in which they lie there.
  let names: [String]
  private let shards: [SafetensorsFile]
  private let shardOf: [String: Int]

  /// Opens `STEM.safetensors`, or otherwise `STEM.safetensors.index.json` and the files it names. Tensors of those
  /// files that the index does not list are ignored.
  /// - Parameter beside: the stems of further single files, which may be there beside the first.
  /// - Throws: `UserError` if there is neither or a single file is broken, `UserErrors` with everything that is
  ///   wrong with an index and its files.
  init(folder: String, stem: String = "model", beside: [String] = []) throws {
    self.folder = folder
    let single = "\(folder)/\(stem).safetensors"
    let index = single + ".index.json"
    if Self.exists(single) {
      let more = beside.map { "\(folder)/\($0).safetensors" }.filter(Self.exists)
      shards = try ([single] + more).map { try SafetensorsFile($0) }
      names = shards.flatMap(\.names)
      shardOf = Dictionary(
        shards.enumerated().flatMap { number, file in file.names.map { ($0, number) } },
        uniquingKeysWith: { first, _ in first })
    } else if Self.exists(index) {
      let map = try WeightMap(index)
      (shards, names) = try map.open(in: folder)
      var numbers: [String: Int] = [:]
      for (number, file) in map.files.enumerated() { numbers[file] = number }
      shardOf = map.fileOf.compactMapValues { numbers[$0] }
    } else {
      let pickled = ["", ".index.json"].contains { Self.exists("\(folder)/pytorch_\(stem).bin\($0)") }
      let fix =
        stem == "model"
        ? "in transformers; save_pretrained writes safetensors"
        : "in adapters; save_adapter writes safetensors with use_safetensors=True"
      throw UserError(
        .data, "holds neither \(stem).safetensors nor \(stem).safetensors.index.json", at: folder,
        hint: pickled ? "load its pytorch_\(stem).bin \(fix)" : "")
    }
  }

  /// A text of the first file's header.
  func metadata(_ key: String) -> String? { shards.first?.header.metadata[key] }

  func contains(_ name: String) -> Bool { shardOf[name] != nil }

  /// Type and shape, `[]` for a scalar; nil if there is no such tensor.
  func entry(_ name: String) -> SafetensorsHeader.Entry? {
    shardOf[name].flatMap { shards[$0].entry(name) }
  }

  /// As `SafetensorsFile.read`.
  func read(
    _ name: String, into buffer: UnsafeMutableBufferPointer<Float>, range: Range<Int>
  ) throws {
    guard let shard = shardOf[name] else { throw lacks(name) }
    try shards[shard].read(name, into: buffer, range: range)
  }

  /// As `SafetensorsFile.halves`.
  func halves(of name: String) -> MappedHalves? {
    shardOf[name].flatMap { shards[$0].halves(of: name) }
  }

  /// As `SafetensorsFile.withBytes`.
  func withBytes<T>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T? {
    guard let shard = shardOf[name] else { return nil }
    return try shards[shard].withBytes(of: name, body)
  }

  /// As `SafetensorsFile.integers`.
  func integers(_ name: String) throws -> [Int] {
    guard let shard = shardOf[name] else { throw lacks(name) }
    return try shards[shard].integers(name)
  }

  private func lacks(_ name: String) -> UserError {
    UserError(.data, "holds no tensor \(name.quoted)", at: folder)
  }

  fileprivate static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

/// Which file holds which tensor.
private struct WeightMap {
  let path: String
  var fileOf: [String: String] = [:]
  /// A file's tensors, in the order of the index.
  var namesIn: [String: [String]] = [:]
  /// Each file once, sorted by the bytes of its name.
  var files: [String] = []

  /// - Throws: `UserErrors` with every entry that cannot be used.
  init(_ path: String) throws {
    self.path = path
    guard let members = try OpenFile.json(path)["weight_map"]?.members, !members.isEmpty else {
      throw UserErrors([UserError(.data, "has no weight_map that says which file holds what", at: path)])
    }
    var errors: [UserError] = []
    for member in members {
      let name = String(decoding: member.key, as: UTF8.self)
      guard let file = member.value.text else {
        let what = "the file of \(name.quoted) is \(member.value.kind), not a string"
        errors.append(UserError(.data, what, at: path))
        continue
      }
      guard file.staysInFolder else {
        let what = "the file of \(name.quoted) is \(file.quoted), which is not a plain file name"
        errors.append(UserError(.data, what, at: path))
        continue
      }
      guard fileOf.updateValue(file, forKey: name) == nil else {
        errors.append(UserError(.data, "two tensors are called \(name.quoted)", at: path))
        continue
      }
      namesIn[file, default: []].append(name)
    }
    guard errors.isEmpty else { throw UserErrors(errors.shortened(at: path)) }
    files = namesIn.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The files, in the order of `files`, and the listed tensors in the order in which they lie in them.
  func open(in folder: String) throws -> (shards: [SafetensorsFile], names: [String]) {
    var errors: [UserError] = []
    var shards: [SafetensorsFile] = []
    var names: [String] = []
    for file in files {
      let path = "\(folder)/\(file)"
      let expected = namesIn[file, default: []]
      guard StoredTensors.exists(path) else {
        let what = "is missing, and with it \(expected.count) of the tensors in \(self.path.lastComponent)"
        errors.append(UserError(.data, what, at: path, hint: "download or copy it too"))
        continue
      }
      do {
        let shard = try SafetensorsFile(path)
        for name in expected where shard.entry(name) == nil {
          let what = "lacks the tensor \(name.quoted), which \(self.path.lastComponent) says it holds"
          errors.append(UserError(.data, what, at: path))
        }
        shards.append(shard)
        names += shard.names.filter { fileOf[$0] == file }
      } catch let error as UserError {
        errors.append(error)
      }
    }
    guard errors.isEmpty else { throw UserErrors(errors.shortened(at: self.path)) }
    return (shards, names)
  }
}

extension String {
  fileprivate var lastComponent: String { split(separator: "/").last.map(String.init) ?? self }
}

extension [UserError] {
  /// Reports twenty mistakes at most, and how many more there were: a hostile index can be wrong a million times.
  func shortened(at path: String) -> [UserError] {
    count <= 20 ? self : self[..<20] + [UserError(.data, "\(count - 20) more errors like these", at: path)]
  }
}

// manifest.json: what every other file of a folder must be, so that a changed bit or a missing byte is noticed.
import Base
import Foundation

package struct Manifest: Equatable, Sendable {
  package static let fileName = "manifest.json"
  package static let formatVersion = 1

  package struct File: Equatable, Sendable {
    package var name: String
    package var bytes: Int
    /// CRC-32C.
    package var checksum: UInt32

    package init(name: String, bytes: Int, checksum: UInt32) {
      self.name = name
      self.bytes = bytes
      self.checksum = checksum
    }
  }

  /// Sorted by the bytes of their names.
  package let files: [File]

  package init(_ files: [File]) {
    self.files = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Bytes of all files.
  package var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

  package static func isIn(_ folder: String) -> Bool { access("\(folder)/\(fileName)", F_OK) == 0 }

  /// Whether a name means a file of the folder, or of a folder in it.
  private static func isInside(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.allSatisfy { String($0).staysInFolder }
  }

  private var json: JSON {
    let members = files.map { file in
      JSON.Member(
        key: Array(file.name.utf8),
        value: .object(["bytes": .integer(file.bytes), "crc32c": .string(CRC32C.digits(file.checksum))]))
    }
    return .object(["format_version": .integer(Self.formatVersion), "files": .object(members)])
  }

  /// The text of the file, the same for the same files.
  package var encoded: String { json.encoded(indented: true) + "\n" }

  /// - Throws: if the file is missing or differs from what this swiftdp writes. Everything in it is checked, as it
  ///   has no checksum of its own.
  package init(folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    guard Self.isIn(folder) else { throw UserError(.data, "is missing", at: path) }
    try self.init(try OpenFile.contents(path), at: path)
  }

  /// - Parameter path: the file that the bytes come from.
  package init(_ bytes: [UInt8], at path: String) throws {
    let json: JSON
    do { json = try JSON.parse(bytes) } catch { throw UserError(.data, "is not JSON: \(error)", at: path) }
    guard let version = json["format_version"]?.integer else {
      throw UserError(.data, "has no format_version", at: path)
    }
    guard version == Self.formatVersion else {
      throw UserError(
        .data, "has format \(version), and this swiftdp reads format \(Self.formatVersion)", at: path)
    }
    var files: [File] = []
    for member in json["files"]?.members ?? [] {
      let name = String(decoding: member.key, as: UTF8.self)
      let size = member.value["bytes"]?.integer ?? -1
      guard Self.isInside(name), size >= 0,
        let checksum = member.value["crc32c"]?.text.flatMap({ UInt32($0, radix: 16) })
      else { throw UserError(.data, "does not say what \(name.quoted) must be", at: path) }
      files.append(File(name: name, bytes: size, checksum: checksum))
    }
    self.init(files)
    guard Array(encoded.utf8) == bytes else {
      throw UserError(.data, "is damaged: it is not as swiftdp writes it", at: path)
    }
  }
}

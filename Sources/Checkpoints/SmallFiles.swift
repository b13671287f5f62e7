// The files of a folder that one rank writes as a whole, such as config.json, with their entries of the manifest.
import Base
import Foundation

/// Files that are written at once and forced onto the disk later, which takes longer than everything else.
final class SmallFiles {
  private let folder: String
  private var open: [DurableFile] = []
  /// Of every file that was written.
  private(set) var entries: [Manifest.File] = []

  /// - Parameter folder: need not exist yet.
  init(in folder: String) { self.folder = folder }

  /// - Throws: `UserError(.disk)`, as do the others.
  func write(_ text: String, _ name: String) throws {
    try Array(text.utf8).withUnsafeBytes { try write($0, name) }
  }

  func write(_ companions: CompanionFiles) throws {
    for (name, bytes) in companions.files { try bytes.withUnsafeBytes { try write($0, name) } }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, _ name: String) throws {
    if let slash = name.lastIndex(of: "/") {
      let path = "\(folder)/\(name[..<slash])"
      guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw UserError.disk("cannot be made", path) }
    }
    let file = try DurableFile(creating: "\(folder)/\(name)", size: bytes.count)
    try file.write(bytes, at: 0)
    open.append(file)
    var crc = CRC32C()
    crc.update(bytes)
    entries.append(Manifest.File(name: name, bytes: bytes.count, checksum: crc.value))
  }

  /// Returns when the disk holds them.
  func sync() throws {
    for file in open { try file.sync() }
    open = []
  }
}

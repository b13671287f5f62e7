// A file that appears under its name with all of its content, or not at all.
import Base
import Foundation

package struct NewFile {
  private let path: String
  private var unfinished: String { path + ".part" }
  /// Of the file; empty for the current one.
  private let folder: String

  /// - Parameters:
  ///   - option: what names the file, for messages.
  ///   - probes: whether to try to make a file; not where the folder is not there yet.
  /// - Throws: where there is something of that name already, or no file can be made; nothing is left behind.
  package init(_ path: String, at option: String, probes: Bool = true) throws {
    self.path = path
    folder = Base.folder(of: path)
    var status = stat()
    guard lstat(path, &status) != 0 else {
      throw UserError(.usage, "\(path) exists already", at: option, hint: "give another name, or remove it")
    }
    guard probes else { return }
    _ = try DurableFile(creating: unfinished, size: 0)
    unlink(unfinished)
  }

  /// Returns when the disk holds the file.
  package func write(_ bytes: [UInt8]) throws {
    try write(size: bytes.count) { file in try bytes.withUnsafeBytes { try file.write($0, at: 0) } }
  }

  /// Writes what `body` gives, one part behind the other, and returns when the disk holds it.
  /// - Throws: as `body`; then there is no file.
  package func write<T>(_ body: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> T) throws -> T {
    var end = 0
    return try write(size: 0) { file in
      try body { part in
        try file.write(part, at: end)
        end += part.count
      }
    }
  }

  private func write<T>(size: Int, _ body: (DurableFile) throws -> T) throws -> T {
    do {
      let file = try DurableFile(creating: unfinished, size: size)
      let result = try body(file)
      try file.sync()
      guard rename(unfinished, path) == 0 else {
        throw UserError.disk("cannot be renamed to \(path)", unfinished)
      }
      try DurableFile.sync(folder: folder.isEmpty ? "." : folder)
      return result
    } catch {
      unlink(unfinished)
      throw error
    }
  }
}

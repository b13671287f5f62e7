// Files of a cache appear whole, whoever else writes them at the same time: equal names mean equal bytes.
import Base
import Foundation

enum CacheFile {
  /// What names of files that are not written yet end with. They are left behind by processes that are killed.
  static let unfinished = ".tmp"

  /// Returns when the disk holds the file.
  /// - Parameter body: writes it.
  /// - Throws: `UserError(.disk)`; nothing is left then.
  static func write(size: Int, to path: String, _ body: (DurableFile) throws -> Void) throws {
    let folder = folder(of: path)
    let temporary = "\(path).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))\(unfinished)"
    do {
      if !folder.isEmpty { try makeFolders(folder) }
      let file = try DurableFile(creating: temporary, size: size)
      try body(file)
      try file.sync()
      guard rename(temporary, path) == 0 else {
        throw UserError.disk("cannot be renamed to \(path)", temporary)
      }
    } catch var error as UserError {
      unlink(temporary)
      // Others need not know the name that it had for a moment.
      error.place = error.place == temporary ? path : error.place
      if error.code == .disk, error.hint.isEmpty {
        error.hint = "set data.cache to a folder with room that you may write to"
      }
      throw error
    } catch {
      unlink(temporary)
      throw error
    }
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    try write(size: bytes.count, to: path) { file in try bytes.withUnsafeBytes { try file.write($0, at: 0) } }
  }
}

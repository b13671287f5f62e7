// A file on a local disk whose space is reserved. It has no name once it is open, so nothing outlives the process.
import Base
import Foundation

final class ReservedFile: Sendable {
  let descriptor: Int32
  private let folder: String
  private let what: String

  /// - Parameters:
  ///   - folder: a folder on a local disk; created if it does not exist.
  ///   - what: what lies in it, in messages.
  ///   - hint: what to do if there is no room.
  /// - Throws: `UserError(.disk)` if the folder cannot be written to or has no room.
  init(folder: String, bytes: Int, for what: String, hint: String) throws {
    self.folder = folder
    self.what = what
    do { descriptor = try Self.open(folder, bytes: bytes, for: what) } catch var error as UserError {
      error.hint = hint
      throw error
    }
  }

  private static func open(_ folder: String, bytes: Int, for what: String) throws -> Int32 {
    try makeFolders(folder)
    var template = Array("\(folder)/swiftdp-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw UserError.disk("no file for \(what) can be made", folder) }
    unlink(template)
    // Reserve everything now, since there may be no room later.
    let code = posix_fallocate(descriptor, 0, off_t(bytes))
    guard code == 0 else {
      close(descriptor)
      errno = code
      throw UserError.disk("cannot hold \(bytes) bytes of \(what)", folder)
    }
    return descriptor
  }

  deinit { close(descriptor) }

  /// That the disk failed to read or write some of it.
  var lost: UserError {
    UserError(
      .disk, "the disk lost \(what) of this run", at: folder,
      hint: "start again to go on from the last checkpoint")
  }
}

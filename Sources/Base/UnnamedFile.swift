// A file on a local disk for what memory should not hold. It has no name once it is open, so nothing outlives the process.
import Foundation

package final class UnnamedFile: Sendable {
  package let descriptor: Int32
  private let folder: String
  private let what: String
  private let hint: String

  /// - Parameters:
  ///   - folder: a folder on a local disk; created if it does not exist.
  ///   - bytes: reserved on the disk now, since there may be no room later, when a mapping could not say so.
  ///   - what: what lies in it, in messages.
  ///   - hint: what to do if there is no room.
  /// - Throws: `UserError(.disk)` if the folder cannot be written to or has no room.
  package init(in folder: String, reserving bytes: Int = 0, for what: String, hint: String) throws {
    (self.folder, self.what, self.hint) = (folder, what, hint)
    do { try makeFolders(folder) } catch var error as UserError {
      error.hint = hint
      throw error
    }
    var template = Array("\(folder)/swiftdp-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw failure("no file for \(what) can be made") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
    let code = reserveSpace(bytes, of: descriptor)
    guard code == 0 else {
      errno = code
      throw failure("cannot hold \(bytes) bytes for \(what)")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes bytes behind those that are there.
  /// - Throws: `UserError(.disk)` if there is no room.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("\(what) cannot be kept there") }
      done += count
    }
  }

  /// Its first bytes as memory, as long as the range lives.
  /// - Throws: `UserError(.disk)`.
  package func mapped(_ count: Int, _ protection: Int32 = PROT_READ | PROT_WRITE) throws
    -> (base: UnsafeMutableRawPointer, range: MappedRange)
  {
    guard let base = mmap(nil, count, protection, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      throw failure("\(count) bytes of \(what) cannot be mapped")
    }
    return (base, MappedRange(base, count: count))
  }

  /// With the system's reason.
  private func failure(_ message: String) -> UserError {
    var error = UserError.disk(message, folder)
    error.hint = hint
    return error
  }

  /// That the disk failed to read or write some of it.
  package var lost: UserError {
    UserError(
      .disk, "the disk lost \(what) of this run", at: folder,
      hint: "start again to go on from the last checkpoint")
  }
}

/// Makes a file as long as that, with all of it on the disk.
/// - Returns: 0, or the system's code for why that is not possible.
package func reserveSpace(_ bytes: Int, at offset: Int = 0, of descriptor: Int32) -> Int32 {
  guard bytes > 0 else { return 0 }
  while true {
    let code = posix_fallocate(descriptor, off_t(offset), off_t(bytes))
    if code != EINTR { return code }
  }
}

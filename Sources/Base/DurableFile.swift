// A file that is written at offsets and then forced onto the disk, with the system's reason if that fails.
import Foundation

/// One open file. Not for use from several threads at once.
package final class DurableFile {
  package let path: String
  private let descriptor: Int32

  /// An existing file, for writing into it.
  package init(opening path: String) throws {
    self.path = path
    descriptor = try Self.opened(path, O_WRONLY | O_CLOEXEC)
  }

  /// A new file of that many bytes, all reserved on the disk where the file system can, so that a full disk
  /// shows now and not in the middle of the data. Replaces a file of the same name.
  package init(creating path: String, size: Int) throws {
    self.path = path
    descriptor = try Self.opened(path, O_WRONLY | O_CLOEXEC | O_CREAT | O_TRUNC)
    guard ftruncate(descriptor, size) == 0 else {
      throw UserError.disk("cannot be made \(size) bytes long", path)
    }
    let code = reserveSpace(size, of: descriptor)
    // File systems that cannot reserve space report a full disk when it is full.
    guard [0, EOPNOTSUPP, EINVAL, ENOSYS].contains(code) else {
      errno = code
      throw UserError.disk("cannot reserve \(size) bytes", path)
    }
  }

  deinit { close(descriptor) }

  /// Writes all bytes, however many calls it takes.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, base + done, bytes.count - done, offset + done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        if count == 0 { errno = EIO }
        throw UserError.disk("cannot be written", path)
      }
      done += count
    }
  }

  /// Returns when the disk holds what was written.
  package func sync() throws {
    while fsync(descriptor) != 0 {
      guard errno == EINTR else { throw UserError.disk("cannot be forced onto the disk", path) }
    }
  }

  /// Forces the names in a folder onto the disk, as its files were.
  package static func sync(folder: String) throws {
    let descriptor = try opened(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(descriptor) }
    while fsync(descriptor) != 0 {
      // Some network file systems cannot sync a folder, and need not.
      if errno == EINVAL || errno == ENOTSUP { return }
      guard errno == EINTR else { throw UserError.disk("cannot be forced onto the disk", folder) }
    }
  }

  private static func opened(_ path: String, _ flags: Int32) throws -> Int32 {
    while true {
      let descriptor = open(path, flags, 0o666)
      if descriptor >= 0 { return descriptor }
      guard errno == EINTR else { throw UserError.disk("cannot be opened for writing", path) }
    }
  }
}

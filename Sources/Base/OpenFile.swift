// Files that are opened for reading, with the system's own reason if that fails.
import Foundation

/// A file that is open for reading, closed with this value.
package final class OpenFile {
  package let path: String
  package let descriptor: Int32
  /// The path that it was opened with.
  package let bytes: Int
  /// Identifies the file among all others.
  let identity: FileIdentity

  /// - Throws: `UserError` with the path and the reason where it cannot be read.
  package init(_ path: String) throws {
    self.path = path
    // A pipe is opened without waiting for somebody to write into it, and refused.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw UserError.unreadable(path) }
    var status = stat()
    let code = fstat(descriptor, &status) == 0 ? 0 : errno
    bytes = Int(status.st_size)
    identity = FileIdentity(status)
    // From here on the file is closed with this value, also if it is refused.
    guard code == 0 else {
      errno = code
      throw UserError.unreadable(path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw UserError(.data, "this is not a file", at: path)
    }
  }

  deinit { close(descriptor) }

  /// Fills a buffer with the bytes that begin at an offset.
  /// - Throws: `UserError`, also if the file ends too early.
  package func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw UserError.unreadable(path) }
      guard count > 0 else { throw UserError.cut(path, from: bytes, to: offset + done) }
      done += count
    }
  }

  /// The most bytes of a file that is read whole; the largest tokenizers have 40 MB. A sparse file may claim any
  /// length.
  private static let longest = 1 << 30

  /// A whole file.
  /// - Throws: `UserError`, also if the file is longer than that.
  package static func contents(_ path: String) throws -> [UInt8] {
    let file = try OpenFile(path)
    guard file.bytes <= longest else {
      throw UserError(.data, "has \(file.bytes) bytes, and at most \(longest) are read", at: path)
    }
    return try [UInt8](unsafeUninitializedCapacity: file.bytes) { bytes, count in
      try file.read(UnsafeMutableRawBufferPointer(bytes), at: 0)
      count = bytes.count
    }
  }

  /// The most values of one file; the largest tokenizers have three million.
  private static let mostValues = 30_000_000

  /// A file as JSON.
  package static func json(_ path: String) throws -> JSON {
    let text = try contents(path)
    do {
      return try text.withUnsafeBufferPointer { try JSON.parse($0, mostValues: mostValues) }
    } catch { throw UserError(.data, "is not JSON: \(error)", at: path) }
  }
}

/// Identifies a file, whatever names it has.
package struct FileIdentity: Equatable, Sendable {
  private let device: UInt64
  private let number: UInt64

  package init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }
}

extension UserError {
  /// The current `errno` as an error for a file that is being read.
  static func unreadable(_ path: String) -> UserError {
    UserError(.data, "cannot be read: \(String(cString: strerror(errno)))", at: path)
  }

  /// The error for a file that became shorter.
  static func cut(_ path: String, from before: Int, to now: Int) -> UserError {
    UserError(.data, "was \(before) bytes long, and became \(now) bytes long while it was read", at: path)
  }
}

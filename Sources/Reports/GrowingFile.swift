// A file that grows by a few bytes after every step, and that no run ends for.
import Base
import Foundation

/// Bytes that cannot be written are kept, and written once there is room.
final class GrowingFile {
  let path: String
  private var file: Int32 = -1
  /// The bytes that the file does not have yet.
  private var waiting: [UInt8] = []
  private var isBehind = false
  private let note: (String) -> Void

  /// - Parameter note: tells the user in one line that lines have to wait, and in another that they are written.
  init(_ path: String, note: @escaping (String) -> Void) {
    self.path = path
    self.note = note
  }

  deinit { if file >= 0 { close(file) } }

  /// Writes bytes at the end, or keeps them and says so.
  func append(_ bytes: some Sequence<UInt8>) {
    waiting += bytes
    if let error = flush() {
      if !isBehind { note("\(error); the run goes on, and its lines are written once they can be") }
      isBehind = true
    } else if isBehind {
      note("\(path): is written again, with all lines that had to wait")
      isBehind = false
    }
  }

  /// Writes what is waiting.
  /// - Returns: why that is not possible; nil if nothing waits any more.
  func flush() -> UserError? {
    do { try openIfNeeded() } catch let error { return error }
    while !waiting.isEmpty {
      let count = waiting.withUnsafeBytes { write(file, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return UserError.disk("cannot be written", path) }
      waiting.removeFirst(count)
    }
    return nil
  }

  /// Opens the file, also if it is gone or another file has taken its place, since the output folder may have been
  /// moved.
  private func openIfNeeded() throws(UserError) {
    var mine = stat()
    var there = stat()
    if file >= 0, fstat(file, &mine) == 0, stat(path, &there) == 0,
      FileIdentity(mine) == FileIdentity(there)
    {
      return
    }
    let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard opened >= 0 else { throw UserError.disk("cannot be written", path) }
    if file >= 0 { close(file) }
    file = opened
  }
}

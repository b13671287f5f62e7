// Standard output and standard error. Their reader may be gone and their disk full, but writing to them never ends a
// run.
import Foundation

package enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  /// Writes all of a text, however many calls it takes.
  /// - Returns: the system's error number if it cannot be written, otherwise 0.
  @discardableResult
  package func write(_ text: String) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = Foundation.write(rawValue, bytes.baseAddress! + done, bytes.count - done)
        if count >= 0 {
          done += count
        } else if errno == EAGAIN {
          // Another program has made this terminal or pipe non-blocking: it takes more in a while.
          var waiting = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
          poll(&waiting, 1, 1000)
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }

  /// For commands whose purpose is their output.
  /// - Throws: `UserError(.disk)`.
  package func writeAll(_ text: String) throws {
    let code = write(text)
    if code != 0 { throw failure(code) }
  }

  /// - Parameter code: the system's error number.
  package func failure(_ code: Int32) -> UserError {
    let name = self == .output ? "standard output" : "standard error"
    return UserError(.disk, "cannot be written: \(String(cString: strerror(code)))", at: name)
  }

  /// Call this before anything is opened. It makes sure that no file gets the number of a closed stream, and that a
  /// file that may not grow (`ulimit -f`) gives an error instead of a deadly signal.
  package static func prepare() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 && errno == EBADF {
      // The system gives the lowest free number, which is this one.
      _ = open("/dev/null", O_RDWR)
    }
    signal(SIGXFSZ, SIG_IGN)
  }
}

/// Reads some bytes of standard input, and waits for them.
/// - Returns: how many were read; 0 at the end.
/// - Throws: `UserError(.data)`.
package func readStandardInput(into part: UnsafeMutableRawBufferPointer) throws -> Int {
  while true {
    let count = read(STDIN_FILENO, part.baseAddress!, part.count)
    if count >= 0 { return count }
    if errno == EAGAIN {
      var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      poll(&waiting, 1, 1000)
    } else if errno != EINTR {
      throw UserError(.data, "cannot be read: \(String(cString: strerror(errno)))", at: "standard input")
    }
  }
}

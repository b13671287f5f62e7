// The lines of standard input, where a signal may interrupt the wait for one.
import Foundation

final class InputLines {
  enum Outcome {
    case line(String)
    /// A signal came; what was typed of the line is gone.
    case interrupted
    case end
  }

  /// What was read behind the last line.
  private var waiting: [UInt8] = []
  private var isAtEnd = false

  func next() -> Outcome {
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      if let end = waiting.firstIndex(of: UInt8(ascii: "\n")) {
        defer { waiting.removeSubrange(...end) }
        return .line(String(decoding: waiting[..<end], as: UTF8.self))
      }
      if isAtEnd {
        guard !waiting.isEmpty else { return .end }
        defer { waiting = [] }
        return .line(String(decoding: waiting, as: UTF8.self))
      }
      let count = read(STDIN_FILENO, &part, part.count)
      if count < 0, errno == EINTR {
        waiting = []
        return .interrupted
      }
      if count <= 0 { isAtEnd = true } else { waiting += part[..<count] }
    }
  }
}

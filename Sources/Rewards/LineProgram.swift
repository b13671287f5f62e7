// A program of the user's that answers each line on its standard input with a line on its standard output.
import Base
import CProcess
import Foundation

/// Runs in a process group of its own, from the first question on. What it says on standard error goes to that of this
/// process.
final class LineProgram {
  /// Why it gave no answers.
  struct Failure: Error {
    let words: String
  }

  /// As a shell reads it.
  let command: String
  /// Seconds that it may take for one line.
  private let timeout: Double
  private var process: pid_t = 0
  /// This end of the socket that it reads from and writes to.
  private var socket: Int32 = -1
  private var received: [UInt8] = []
  /// More than any number needs.
  private static let longestLine = 1 << 16

  init(_ command: String, timeout: Double) { (self.command, self.timeout) = (command, timeout) }

  deinit { stop() }

  /// Ends it, with all that it started.
  func stop() {
    if socket >= 0 { close(socket) }
    socket = -1
    received = []
    guard process > 0 else { return }
    kill(-process, SIGKILL)
    var status: Int32 = 0
    // One that the kernel holds on to is left to it.
    for _ in 0..<100 where waitpid(process, &status, WNOHANG) == 0 { usleep(1000) }
    process = 0
  }

  /// Asks line by line; answers may come before all is asked.
  /// - Parameter lines: without line ends.
  /// - Throws: if it cannot be started, dies, says too much or too little; it is stopped then.
  func answers(to lines: [[UInt8]]) throws(Failure) -> [[UInt8]] {
    do throws(Failure) {
      // What it said too much would be taken for the next answers.
      var byte: UInt8 = 0
      if process != 0, !received.isEmpty || read(socket, &byte, 1) > 0 {
        throw Failure(words: "said more than one line for a line")
      }
      if process == 0 { try start() }
      return try converse(lines)
    } catch {
      stop()
      throw error
    }
  }

  private func start() throws(Failure) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
      throw Failure(words: "no socket: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var pointers = ["/bin/sh", "-c", command].map { (word: String) in strdup(word) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let failure = swiftdp_ask(pointers, ends[1], ends[1], STDERR_FILENO, &process)
    close(ends[1])
    socket = ends[0]
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    guard failure == 0 else {
      process = 0
      throw Failure(words: "cannot be started: \(String(cString: strerror(failure)))")
    }
  }

  private func converse(_ lines: [[UInt8]]) throws(Failure) -> [[UInt8]] {
    let question = lines.flatMap { $0 + [UInt8(ascii: "\n")] }
    var sent = 0
    var answers: [[UInt8]] = []
    var heard = monotonicNanoseconds()
    while answers.count < lines.count {
      var state = pollfd(
        fd: socket, events: Int16(POLLIN) | (sent < question.count ? Int16(POLLOUT) : 0), revents: 0)
      let left = timeout - Double(monotonicNanoseconds() - heard) / 1e9
      guard left > 0 else { throw Failure(words: "gave no answer within \(timeout) s") }
      let ready = poll(&state, 1, Int32(min(left * 1000 + 1, 1e6)))
      if ready < 0, errno != EINTR { throw Failure(words: "cannot be waited for") }
      guard ready > 0 else { continue }
      if state.revents & Int16(POLLOUT) != 0, sent < question.count {
        let count = question.withUnsafeBytes {
          send(socket, $0.baseAddress! + sent, question.count - sent, Int32(MSG_NOSIGNAL))
        }
        if count > 0 { sent += count }
        // What it said before it died is read first.
        if count < 0, errno != EAGAIN, errno != EINTR { sent = question.count }
      }
      guard state.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { continue }
      let before = answers.count
      try receive(into: &answers, atMost: lines.count)
      if answers.count > before { heard = monotonicNanoseconds() }
    }
    return answers
  }

  private func receive(into answers: inout [[UInt8]], atMost count: Int) throws(Failure) {
    var part = [UInt8](repeating: 0, count: 1 << 16)
    let got = read(socket, &part, part.count)
    if got < 0, errno == EAGAIN || errno == EINTR { return }
    guard got > 0 else { throw Failure(words: ended()) }
    received += part[..<got]
    while answers.count < count, let end = received.firstIndex(of: UInt8(ascii: "\n")) {
      answers.append(Array(received[..<end]))
      received.removeFirst(end + 1)
    }
    guard received.count <= Self.longestLine else { throw Failure(words: "said a line that is too long") }
  }

  /// How it ended.
  private func ended() -> String {
    var status: Int32 = 0
    for _ in 0..<100 {
      guard waitpid(process, &status, WNOHANG) == 0 else {
        process = 0
        let signal = status & 0x7F
        return signal == 0 ? "ended with exit code \(status >> 8 & 0xFF)" : "was killed by signal \(signal)"
      }
      usleep(1000)
    }
    return "closed its output"
  }
}

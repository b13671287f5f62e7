// A scheduler's own tool is asked something: its answer, or why there is none in time.
import Base
import CProcess
import Foundation

package enum Tool {
  package typealias Answer = Result<String, NoAnswer>

  /// Why a tool gave no answer, in a few words.
  package struct NoAnswer: Error, Equatable {
    package let words: String
    package init(_ words: String) { self.words = words }
  }

  /// More than any answer about one job.
  private static let longest = 4 << 20

  /// Runs a tool and reads what it prints. A tool that takes longer is killed, with all that it started.
  package static func ask(_ words: [String], within seconds: Double) -> Answer {
    let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
    let (output, errors) = (Reader(), Reader())
    guard output.isOpen, errors.isOpen else { return .failure(NoAnswer("no pipe: \(reason(errno))")) }
    var pointers = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var process: pid_t = 0
    let failure = swiftdp_ask(pointers, -1, output.entrance, errors.entrance, &process)
    guard failure == 0 else { return .failure(NoAnswer("\(words[0]): \(reason(failure))")) }
    output.closeEntrance()
    errors.closeEntrance()

    var status: Int32?
    while monotonicNanoseconds() < end, status == nil || output.isOpen {
      output.read(atMost: longest)
      errors.read(atMost: longest)
      if status == nil { status = reap(process) }
      if status == nil || output.isOpen { usleep(2000) }
    }
    guard let status, !output.isOpen else {
      kill(-process, SIGKILL)
      // One that the kernel holds on to is left to it.
      for _ in 0..<100 where reap(process) == nil { usleep(2000) }
      return .failure(NoAnswer("\(words[0]): no answer within \(Int(seconds)) s"))
    }
    if status == 0 { return .success(output.text) }
    errors.read(atMost: longest)
    // Open MPI rules a line above its messages.
    let said = errors.text.split(whereSeparator: \.isNewline).first { $0.contains(where: \.isLetter) }.map(
      String.init)
    return .failure(NoAnswer("\(words[0]): " + (said?.printable(200) ?? "failed")))
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  private static func reap(_ process: pid_t) -> Int32? {
    var status: Int32 = 0
    return waitpid(process, &status, WNOHANG) == process ? status : nil
  }
}

/// A pipe that a program writes to and that is read without waiting.
private final class Reader {
  private var exit: Int32 = -1
  private(set) var entrance: Int32 = -1
  private var bytes: [UInt8] = []

  init() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    (exit, entrance) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(exit, F_SETFL, O_NONBLOCK)
  }

  deinit { close() }

  /// Whether more may come.
  var isOpen: Bool { exit >= 0 }
  var text: String { String(decoding: bytes, as: UTF8.self) }

  func closeEntrance() {
    Glibc.close(entrance)
    entrance = -1
  }

  /// Takes what is there; closes at the end, and when there is too much.
  func read(atMost longest: Int) {
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while isOpen {
      let count = Glibc.read(exit, &part, part.count)
      if count < 0, errno == EAGAIN || errno == EINTR { return }
      if count > 0 { bytes += part[..<count] }
      if count <= 0 || bytes.count > longest { close() }
    }
  }

  private func close() {
    if exit >= 0 { Glibc.close(exit) }
    if entrance >= 0 { closeEntrance() }
    exit = -1
  }
}

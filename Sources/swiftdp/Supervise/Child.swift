// A command that is started, waited for and sent signals, by a process of one thread that blocks these signals.
import Base
import CProcess
import Foundation

/// How a command ended.
enum Ending: Equatable {
  case exited(Int32)
  case killed(Int32)

  /// The exit code as in shells: 128 more than the signal.
  var code: Int32 {
    switch self {
    case .exited(let code): code
    case .killed(let signal): 128 + signal
    }
  }

  /// `mpirun` itself exits with 128 more than the signal that killed a rank.
  var words: String {
    switch self {
    case .exited(let code):
      code > 128 && code < 160 ? "exit code \(code), \(Self.name(of: code - 128))" : "exit code \(code)"
    case .killed(let signal): "killed by \(Self.name(of: signal))"
    }
  }

  static func name(of signal: Int32) -> String {
    let names = [
      SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGABRT: "SIGABRT",
      SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
      SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGTERM: "SIGTERM",
    ]
    return names[signal] ?? "signal \(signal)"
  }
}

/// Starts commands one after another, and leaves nothing of them behind.
///
/// A command has a process group of its own, so that Ctrl-C in a terminal reaches only this process, which passes it
/// on once. The kernel sends the command SIGTERM when this process is gone, for whatever reason (mpirun then ends its
/// ranks). Processes that the command leaves behind become children of this process, and are killed.
final class Child {
  private static let passedOn = [SIGTERM, SIGINT, SIGUSR1, SIGUSR2]
  private var signals = sigset_t()
  /// The signal that asked for the end, if there was one.
  private(set) var askedToEnd: Int32?

  init() {
    sigemptyset(&signals)
    for signal in Self.passedOn + [SIGCHLD] { sigaddset(&signals, signal) }
    sigprocmask(SIG_BLOCK, &signals, nil)
    _ = swiftdp_adopt_orphans()
  }

  /// Runs a command to its end, and passes on the signals that come meanwhile.
  /// - Parameter isOver: asked every second; true if the command has nothing to wait for any more, and is to be killed.
  /// - Throws: `UserError(.usage)` if there is no such program.
  func run(_ words: [String], until isOver: () -> Bool = { false }) throws -> Ending {
    let process = try start(words)
    let isLauncher = ["mpirun", "mpiexec", "orterun"].contains(
      words[0].split(separator: "/").last.map(String.init) ?? "")
    while true {
      if let ending = reap(process) {
        killLeftovers()
        return ending
      }
      if isOver() { kill(process, SIGKILL) }
      var second = timespec(tv_sec: 1, tv_nsec: 0)
      var signal = sigtimedwait(&signals, nil, &second)
      guard signal > 0, signal != SIGCHLD else { continue }
      // mpirun passes SIGUSR2 on, which ends a run in order; after SIGTERM, its ranks would have only one second.
      let isFirst = askedToEnd == nil
      if signal != SIGUSR1 { askedToEnd = signal }
      if signal != SIGUSR1, isFirst, isLauncher { signal = SIGUSR2 }
      // Not to its process group: ssh, by which mpirun reaches other hosts, must stay.
      kill(process, signal)
    }
  }

  /// Runs a command whose output nobody needs, with a time limit.
  /// - Returns: whether it ended with 0 in time.
  func succeeds(_ commands: [[String]], within seconds: Double) -> [Bool] {
    let processes = commands.map { try? start($0) }
    var results = [Bool?](repeating: nil, count: commands.count)
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline, askedToEnd == nil,
      zip(processes, results).contains(where: { $0 != nil && $1 == nil })
    {
      for (index, process) in processes.enumerated() where results[index] == nil {
        if let process, let ending = reap(process) { results[index] = ending == .exited(0) }
      }
      pause(0.02)
    }
    killLeftovers()
    return results.map { $0 ?? false }
  }

  /// Waits, unless a signal asks for the end.
  func pause(_ seconds: Double) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while askedToEnd == nil {
      let left = deadline.timeIntervalSinceNow
      guard left > 0 else { return }
      var time = timespec(tv_sec: Int(left), tv_nsec: Int(left.truncatingRemainder(dividingBy: 1) * 1e9))
      let signal = sigtimedwait(&signals, nil, &time)
      if [SIGTERM, SIGINT, SIGUSR2].contains(signal) { askedToEnd = signal }
    }
  }

  private func start(_ words: [String]) throws -> pid_t {
    var pointers = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let process = swiftdp_start(pointers, SIGTERM)
    guard process > 0 else {
      throw UserError(.usage, "cannot be started: \(String(cString: strerror(errno)))", at: words[0])
    }
    return process
  }

  private func reap(_ process: pid_t) -> Ending? {
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal)
  }

  /// Kills the processes that the last command left behind, and all that these leave in turn.
  private func killLeftovers() {
    let list = "/proc/self/task/\(getpid())/children"
    while waitpid(-1, nil, WNOHANG) >= 0 {
      // On a kernel without this list, the processes cannot be found.
      guard let children = try? String(contentsOfFile: list, encoding: .utf8) else { return }
      for child in children.split(separator: " ").compactMap({ pid_t($0) }) { kill(child, SIGKILL) }
      usleep(2000)
    }
  }
}

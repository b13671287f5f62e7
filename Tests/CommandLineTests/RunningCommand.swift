// A command that has been started: its output so far, its ranks, and how it ends.
import Foundation

final class RunningCommand {
  private let process = Process()
  private let words: [String]
  private let log: Workspace
  private let folder: Workspace

  /// - Parameters:
  ///   - folder: the current folder; paths in arguments and messages are relative to it.
  ///   - mercy: how many seconds mpirun gives the other ranks once one has failed; 0 shows that nothing is said too
  ///     late, and 1 is its default.
  init(_ words: [String], in folder: Workspace, mercy: Int = 0) throws {
    self.words = words
    self.folder = folder
    log = try Workspace()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    // Eight ranks run on any number of cores, and tests may run as root. Kernels are measured once for all tests of a
    // build, and not remembered with the user's. Launchers that begin and end at once remove each other's folders below
    // a base that they share.
    process.environment = ProcessInfo.processInfo.environment.merging([
      "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
      "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
      "OMPI_MCA_odls_base_sigkill_timeout": "\(mercy)", "XDG_CACHE_HOME": Command.built("test-cache"),
      "OMPI_MCA_orte_tmpdir_base": log.path,
    ]) { $1 }
    // Files, not pipes: a full pipe would stop the process that nobody reads from.
    let (out, err) = (try log.file("out", ""), try log.file("err", ""))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: out))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: err))
    try process.run()
  }

  deinit { if process.isRunning { stop() } }

  /// Waits until it has ended.
  /// - Parameter timeLimit: in seconds; far above what a test needs, to end a command that hangs.
  /// - Throws: if the time limit is exceeded.
  func wait(timeLimit: Double = 240) throws -> CommandResult {
    let deadline = Date(timeIntervalSinceNow: timeLimit)
    while process.isRunning, Date() < deadline { usleep(5000) }
    let isLate = process.isRunning
    if isLate { stop() }
    process.waitUntilExit()
    let result = CommandResult(
      code: process.terminationStatus, out: try log.text("out"), err: try log.text("err"))
    if isLate {
      throw TimeLimitExceeded(
        description:
          "\(words.joined(separator: " ")) ran longer than \(timeLimit) s\n\(result.out)\n\(result.err)")
    }
    return result
  }

  /// mpirun ends its ranks when it is asked to end; a command that does not react is killed with its whole process
  /// group.
  private func stop() {
    process.terminate()
    let deadline = Date(timeIntervalSinceNow: 10)
    while process.isRunning, Date() < deadline { usleep(5000) }
    if process.isRunning {
      kill(-process.processIdentifier, SIGKILL)
      kill(process.processIdentifier, SIGKILL)
    }
  }

  /// Waits until a condition holds, or the command has ended.
  /// - Returns: whether it holds.
  func until(timeLimit: Double = 120, _ condition: () -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: timeLimit)
    while !condition() {
      guard process.isRunning, Date() < deadline else { return condition() }
      usleep(2000)
    }
    return true
  }

  var isRunning: Bool { process.isRunning }

  /// The process of one of the ranks; nil if there is none now.
  func process(ofRank rank: Int) -> pid_t? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.first { id in
      guard let environment = FileManager.default.contents(atPath: "/proc/\(id)/environ"),
        let directory = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")
      else { return false }
      let values = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return values.contains("OMPI_COMM_WORLD_RANK=\(rank)") && directory.hasSuffix(folder.path)
    }
  }

  /// The standard output so far.
  var output: String { (try? log.text("out")) ?? "" }

  /// The standard error so far.
  var errors: String { (try? log.text("err")) ?? "" }

  /// Sends a signal to the command itself.
  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }
}

/// - Returns: whether the condition held in time.
func waitUntil(_ seconds: Double = 120, _ condition: () -> Bool) -> Bool {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while !condition() {
    if Date() > deadline { return false }
    usleep(10_000)
  }
  return true
}

/// The numbers of the processes that have a text among their arguments and are not zombies.
func processes(with text: String, program: String? = nil) -> [pid_t] {
  let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return all.compactMap { pid_t($0) }.filter { process in
    // It is empty for a zombie.
    guard let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
    let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    guard words.contains(where: { $0.contains(text) }) else { return false }
    return program.map { URL(fileURLWithPath: words[0]).lastPathComponent == $0 } ?? true
  }
}

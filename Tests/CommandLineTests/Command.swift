// Runs swiftdp as a user does: a process of its own, alone or under mpirun, with a time limit.
import Foundation

/// What a process left behind.
struct CommandResult {
  let code: Int32
  let out: String
  let err: String

  var errorLines: [String] { err.split(whereSeparator: \.isNewline).map(String.init) }
  /// What swiftdp itself said on standard error, which mpirun adds words of its own to.
  var messages: [String] {
    errorLines.filter { $0.hasPrefix("swiftdp: ") }.map { String($0.dropFirst("swiftdp: ".count)) }
  }
}

struct TimeLimitExceeded: Error, CustomStringConvertible {
  let description: String
}

enum Command {
  /// `SWIFTDP_BINARY`, or else the binary that was built beside the test bundle, which is this process.
  static let binary = ProcessInfo.processInfo.environment["SWIFTDP_BINARY"] ?? built("swiftdp")

  /// What was built beside the test bundle, which is this process.
  static func built(_ name: String) -> String {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return bundle.deletingLastPathComponent().path + "/" + name
  }

  /// - Parameters:
  ///   - ranks: nil runs without mpirun.
  ///   - folder: where it runs; paths in arguments and messages are relative to it.
  ///   - timeLimit: in seconds; it is far above what a test needs, to end what hangs.
  /// - Throws: where the binary cannot be started or the time limit is exceeded.
  static func swiftdp(
    _ arguments: [String], ranks: Int? = nil, in folder: Workspace, timeLimit: Double = 240
  ) throws -> CommandResult {
    let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
    return try run(launcher + [binary] + arguments, in: folder, timeLimit: timeLimit)
  }

  /// Runs any command; its first word is looked for in PATH.
  /// - Throws: where the time limit is exceeded.
  static func run(_ words: [String], in folder: Workspace, timeLimit: Double = 240) throws -> CommandResult {
    let process = process(words, in: folder)
    // Files, not pipes: a full pipe would stop the process that nobody reads from.
    let log = try Workspace()
    let (out, err) = (try log.file("out", ""), try log.file("err", ""))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: out))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: err))
    try process.run()
    let deadline = Date(timeIntervalSinceNow: timeLimit)
    while process.isRunning, Date() < deadline { usleep(5000) }
    let isLate = process.isRunning
    if isLate { stop(process) }
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

  /// Any command, not yet started; its first word is looked for in PATH.
  static func process(_ words: [String], in folder: Workspace) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    // Eight ranks run on however few cores there are, and tests may run as root.
    process.environment = ProcessInfo.processInfo.environment.merging([
      "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
      "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
      // Once a rank has failed, mpirun kills the others at once: a message that comes too late is lost.
      "OMPI_MCA_odls_base_sigkill_timeout": "0",
    ]) { $1 }
    return process
  }

  /// mpirun ends its ranks when it is asked to end; what does not listen is killed with its whole group.
  private static func stop(_ process: Process) {
    process.terminate()
    let deadline = Date(timeIntervalSinceNow: 10)
    while process.isRunning, Date() < deadline { usleep(5000) }
    if process.isRunning {
      kill(-process.processIdentifier, SIGKILL)
      kill(process.processIdentifier, SIGKILL)
    }
  }
}

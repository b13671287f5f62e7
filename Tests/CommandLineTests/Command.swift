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
    try RunningCommand(words, in: folder).wait(timeLimit: timeLimit)
  }

  /// Starts swiftdp under mpirun.
  static func start(_ arguments: [String], ranks: Int, in folder: Workspace) throws -> RunningCommand {
    try RunningCommand(
      ["mpirun", "-np", "\(ranks)", "--bind-to", "none", binary] + arguments, in: folder, mercy: 1)
  }
}

// Runs swiftdp as a user does: in a process of its own, alone or under mpirun, with a time limit.
import Foundation

/// The result of a process.
struct CommandResult {
  let code: Int32
  let out: String
  let err: String

  var errorLines: [String] { err.split(whereSeparator: \.isNewline).map(String.init) }
  /// The words of swiftdp itself on standard error, to which mpirun adds its own.
  var messages: [String] {
    errorLines.filter { $0.hasPrefix("swiftdp: ") }.map { String($0.dropFirst("swiftdp: ".count)) }
  }
}

struct TimeLimitExceeded: Error, CustomStringConvertible {
  let description: String
}

enum Command {
  /// `SWIFTDP_BINARY`, or otherwise the binary that was built beside the test bundle, which is this process.
  static let binary = ProcessInfo.processInfo.environment["SWIFTDP_BINARY"] ?? built("swiftdp")

  /// A product that was built beside the test bundle, which is this process.
  static func built(_ name: String) -> String {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return bundle.deletingLastPathComponent().path + "/" + name
  }

  /// - Parameters:
  ///   - ranks: nil runs without mpirun.
  ///   - folder: the current folder; paths in arguments and messages are relative to it.
  ///   - timeLimit: in seconds; far above what a test needs, to end a process that hangs.
  /// - Throws: if the binary cannot be started or the time limit is exceeded.
  static func swiftdp(
    _ arguments: [String], ranks: Int? = nil, in folder: Workspace, timeLimit: Double = 240
  ) throws -> CommandResult {
    let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
    return try run(launcher + [binary] + arguments, in: folder, timeLimit: timeLimit)
  }

  /// Runs any command; its first word is looked up in PATH.
  /// - Throws: if the time limit is exceeded.
  static func run(_ words: [String], in folder: Workspace, timeLimit: Double = 240) throws -> CommandResult {
    try RunningCommand(words, in: folder).wait(timeLimit: timeLimit)
  }

  /// Starts swiftdp under mpirun.
  static func start(_ arguments: [String], ranks: Int, in folder: Workspace) throws -> RunningCommand {
    try RunningCommand(
      ["mpirun", "-np", "\(ranks)", "--bind-to", "none", binary] + arguments, in: folder, mercy: 1)
  }
}

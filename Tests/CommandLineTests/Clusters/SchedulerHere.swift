// A scheduler of this machine's own, started by a script of launch/.
import Foundation
import Testing

/// Its daemons, jobs and files are gone after the test.
final class SchedulerHere {
  private let folder: Workspace
  private let place: String
  private let script: String

  /// - Parameters:
  ///   - name: `slurm` or `sge`, as in `launch/slurm-here`.
  ///   - more: further words of `start`.
  init(_ name: String, _ more: [String] = [], in folder: Workspace) throws {
    self.folder = folder
    script = Project.root + "/launch/\(name)-here"
    place =
      FileManager.default.temporaryDirectory.path + "/swiftdp-\(name)-" + UUID().uuidString.prefix(8)
    let result = try Command.run([script, "start", place] + more, in: folder, timeLimit: 90)
    try #require(result.code == 0, "\(result.out)\(result.err)")
  }

  deinit { _ = try? Command.run([script, "stop", place], in: folder, timeLimit: 90) }

  /// Runs a command of the scheduler, or any other among its settings.
  @discardableResult
  func run(_ words: [String]) throws -> CommandResult {
    try Command.run(
      ["env", "SWIFTDP=\(Command.binary)", script, "run", place] + words, in: folder, timeLimit: 60)
  }
}

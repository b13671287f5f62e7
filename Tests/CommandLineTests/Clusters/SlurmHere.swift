// A Slurm of this machine's own, by launch/slurm-here.
import Foundation
import Testing

/// Its daemons, jobs and files are gone after the test.
final class SlurmHere {
  private let folder: Workspace
  private let place: String
  private let hosts: Hosts?
  private static let script = Project.root + "/launch/slurm-here"

  /// - Parameter hosts: nil for one node, this machine.
  init(on hosts: Hosts? = nil, in folder: Workspace) throws {
    self.folder = folder
    self.hosts = hosts
    place = FileManager.default.temporaryDirectory.path + "/swiftdp-slurm-" + UUID().uuidString.prefix(8)
    let result = try Command.run(
      [Self.script, "start", place] + [hosts?.id].compactMap { $0 }, in: folder, timeLimit: 60)
    try #require(result.code == 0, "\(result.out)\(result.err)")
  }

  deinit { _ = try? Command.run([Self.script, "stop", place], in: folder, timeLimit: 60) }

  @discardableResult
  func run(_ words: [String]) throws -> CommandResult {
    try Command.run(
      ["env", "SWIFTDP=\(Command.binary)", Self.script, "run", place] + words, in: folder, timeLimit: 60)
  }

  /// Submits launch/slurm.sbatch; its output goes to JOB.log, or JOB_TASK.log.
  /// - Returns: the number of the job.
  func submit(_ options: [String], _ arguments: [String], log: String = "%j.log") throws -> String {
    let result = try run(
      ["sbatch", "--parsable", "--output=\(log)"] + options + [Project.root + "/launch/slurm.sbatch"]
        + arguments)
    try #require(result.code == 0, "\(result.err)")
    return result.out.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// What Slurm says of a job, such as its `JobState`, `Restarts` and `ExitCode`.
  func facts(_ job: String) throws -> [Substring: Substring] {
    let words = try run(["scontrol", "show", "job", "-o", job]).out.split(whereSeparator: \.isWhitespace)
    return Dictionary(
      words.compactMap { word in word.firstIndex(of: "=").map { (word[..<$0], word[$0...].dropFirst()) } }
    ) { first, _ in first }
  }

  /// Waits for a state of a job.
  /// - Returns: whether it came, and before another end.
  func wait(_ job: String, for state: String, seconds: Double = 120) throws -> Bool {
    let ends = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"]
    var last = ""
    _ = waitUntil(seconds) {
      usleep(300_000)
      last = (try? facts(job)["JobState"].map(String.init)) ?? ""
      return last == state || ends.contains(last)
    }
    return last == state
  }
}

// A Slurm of this machine's own, by launch/slurm-here.
import Foundation
import Testing

struct SlurmHere {
  private let daemons: SchedulerHere
  /// Its nodes, which stay as long as it runs.
  private let hosts: Hosts?

  /// - Parameter hosts: nil for one node, this machine.
  init(on hosts: Hosts? = nil, in folder: Workspace) throws {
    self.hosts = hosts
    daemons = try SchedulerHere("slurm", [hosts?.id].compactMap { $0 }, in: folder)
  }

  @discardableResult
  func run(_ words: [String]) throws -> CommandResult { try daemons.run(words) }

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

// A Grid Engine of this machine's own, by launch/sge-here.
import Foundation
import Testing

struct GridEngineHere {
  private let daemons: SchedulerHere

  init(in folder: Workspace) throws { daemons = try SchedulerHere("sge", in: folder) }

  @discardableResult
  func run(_ words: [String]) throws -> CommandResult { try daemons.run(words) }

  /// Submits launch/sge.sh on two slots; its output goes to JOB.log, or JOB.TASK.log.
  /// - Returns: the number of the job.
  func submit(_ options: [String], _ arguments: [String], log: String = "$JOB_ID.log") throws -> String {
    let result = try run(
      ["qsub", "-terse", "-o", log, "-pe", "mpi", "2"] + options + [Project.root + "/launch/sge.sh"]
        + arguments)
    try #require(result.code == 0, "\(result.err)")
    return String(result.out.prefix { $0.isNumber })
  }

  /// The state of a job, such as `qw`, `r`, `Rr` (runs again) or `dr` (is being deleted); nil once it is gone.
  func state(_ job: String) throws -> String? {
    let lines = try run(["qstat"]).out.split(separator: "\n").map { $0.split(separator: " ") }
    return lines.first { $0.count > 4 && $0[0] == job }.map { String($0[4]) }
  }

  /// Waits until a job is gone, and is told how it ended.
  /// - Returns: its last exit code.
  func ended(_ job: String, seconds: Double = 120) throws -> String? {
    guard
      waitUntil(
        seconds,
        {
          usleep(300_000)
          return (try? state(job)) == .some(nil)
        })
    else { return nil }
    var code: Substring?
    // It is written a little later; 99 is that of a run before.
    _ = waitUntil(60) {
      usleep(300_000)
      let lines = (try? run(["qacct", "-j", job]).out.split(separator: "\n")) ?? []
      code = lines.last { $0.hasPrefix("exit_status") }?.split(separator: " ").dropFirst().first
      return code != nil && code != "99"
    }
    return code.map(String.init)
  }
}

// When this process's session began. The script of a job leads a session, which thus began with the job.
import Base
import Foundation

/// When the oldest of this process's ancestors in its session began. The leader itself may have ended, or be out of
/// sight, as in a container that a job's script starts.
///
/// - Returns: nil where the system does not tell.
package func startOfSession() -> Date? {
  let session = getsid(0)
  guard var oldest = ProcessFields(getpid()),
    let uptime = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
    let running = uptime.split(separator: " ").first.flatMap({ Double($0) })
  else { return nil }
  while oldest.parent > 0, let parent = ProcessFields(oldest.parent), parent.session == session {
    oldest = parent
  }
  return Date(timeIntervalSinceNow: oldest.start / Double(sysconf(Int32(_SC_CLK_TCK))) - running)
}

/// What /proc/PID/stat tells of a process.
private struct ProcessFields {
  let parent: pid_t
  let session: pid_t
  /// In clock ticks since the machine began.
  let start: Double

  init?(_ process: pid_t) {
    // Fields behind the name, which may have spaces and brackets in it: the state is number 3, the parent 4, the session
    // 6, the start 22.
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let fields = text.lastIndex(of: ")").map({
        text[$0...].split(separator: " ").dropFirst().map(String.init)
      }),
      fields.count > 19, let parent = pid_t(fields[1]), let session = pid_t(fields[3]),
      let start = Double(fields[19])
    else { return nil }
    (self.parent, self.session, self.start) = (parent, session, start)
  }
}

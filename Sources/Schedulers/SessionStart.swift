// When this process's session began. The script of a job leads a session, which thus began with the job.
import Base
import Foundation

/// - Returns: nil where the system does not tell.
package func startOfSession() -> Date? {
  // Fields of /proc/PID/stat behind the name, which may have spaces and brackets in it: the state is number 3, the time
  // of the start, in clock ticks since the machine began, number 22.
  guard let text = try? String(contentsOfFile: "/proc/\(getsid(0))/stat", encoding: .utf8),
    let uptime = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
    let running = uptime.split(separator: " ").first.flatMap({ Double($0) }),
    let fields = text.lastIndex(of: ")").map({ text[$0...].split(separator: " ").dropFirst() }),
    fields.count > 19, let ticks = Double(fields[fields.startIndex + 19])
  else { return nil }
  return Date(timeIntervalSinceNow: ticks / Double(sysconf(Int32(_SC_CLK_TCK))) - running)
}

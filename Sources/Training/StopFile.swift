// OUTPUT/stop.json tells programs that a run ended in order before its last step, and why.
import Base
import Foundation

package enum StopFile {
  package enum Reason: String { case time, signal }

  private static func path(_ folder: String) -> String { folder + "/stop.json" }

  /// A file that cannot be written is left out: the run has its checkpoint, and says so itself.
  static func write(_ request: RunRequest, after step: Int, of steps: Int, in folder: String) {
    let reason: Reason = request == .stopByTime ? .time : .signal
    let json = JSON.object(
      [
        ("reason", .string(reason.rawValue)), ("step", .integer(step)),
        ("steps", .integer(steps)),
      ].map { (name: String, value: JSON) in JSON.Member(key: Array(name.utf8), value: value) })
    try? Data((json.encoded(indented: true) + "\n").utf8).write(
      to: URL(fileURLWithPath: path(folder)), options: .atomic)
  }

  /// Why the run stopped, if one has done so since `start`.
  package static func reason(in folder: String, since start: Date) -> Reason? {
    guard timeWritten(path(folder), since: start) != nil else { return nil }
    return (try? OpenFile.json(path(folder)))?["reason"]?.text.flatMap(Reason.init(rawValue:))
  }
}

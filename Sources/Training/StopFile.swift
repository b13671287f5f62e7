// OUTPUT/stop.json tells programs that a run ended in order before its last step, and why.
import Base
import Foundation

package enum StopFile {
  private static func path(_ folder: String) -> String { folder + "/stop.json" }

  /// A file that cannot be written is left out: the run has its checkpoint, and says so itself.
  static func write(_ request: RunRequest, after step: Int, of steps: Int, in folder: String) {
    let json = JSON.object(
      [
        ("reason", .string(request == .stopByTime ? "time" : "signal")), ("step", .integer(step)),
        ("steps", .integer(steps)),
      ].map { (name: String, value: JSON) in JSON.Member(key: Array(name.utf8), value: value) })
    try? Data((json.encoded(indented: true) + "\n").utf8).write(
      to: URL(fileURLWithPath: path(folder)), options: .atomic)
  }

  /// Whether a run has ended since `start` because its time was nearly over.
  package static func isByTime(in folder: String, since start: Date) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path(folder))
    guard let written = attributes?[.modificationDate] as? Date, written >= start else { return false }
    return (try? OpenFile.json(path(folder)))?["reason"]?.text == "time"
  }
}

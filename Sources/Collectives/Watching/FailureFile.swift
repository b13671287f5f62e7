// OUTPUT/failure.json tells programs why a run ended in the middle of a step.
import Base
import Foundation

package enum FailureFile {
  private static func path(_ folder: String) -> String { folder + "/failure.json" }

  /// The time of writing, as it stands in the file.
  package static var now: String { ISO8601DateFormatter().string(from: Date()) }

  /// Whether another rank has just written one.
  static func isRecent(in folder: String) -> Bool {
    var status = stat()
    return stat(path(folder), &status) == 0 && time(nil) - status.st_mtim.tv_sec < 20
  }

  /// - Returns: the path of the file, or nil if it cannot be written.
  @discardableResult
  package static func write(_ json: JSON, in folder: String) -> String? {
    do {
      try Data((json.encoded(indented: true) + "\n").utf8).write(
        to: URL(fileURLWithPath: path(folder)), options: .atomic)
      return path(folder)
    } catch {
      return nil
    }
  }

  /// The step that failed, if the file was written after the given time.
  package static func step(in folder: String, since start: Date) -> Int? {
    guard age(in: folder, since: start) != nil else { return nil }
    return try? OpenFile.json(path(folder))["step"]?.integer
  }

  /// How many seconds ago the file was written; nil if that was before the given time, or never.
  package static func age(in folder: String, since start: Date) -> Double? {
    guard let written = timeWritten(path(folder), since: start) else { return nil }
    return -written.timeIntervalSinceNow
  }
}

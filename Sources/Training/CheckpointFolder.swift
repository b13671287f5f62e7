// The checkpoints of a run: which exist, which to go on from, which to let go.
import Base
import Checkpoints
import Foundation

/// `OUTPUT/checkpoints`.
package struct CheckpointFolder: Sendable {
  package let path: String

  package init(output: String) { path = output + "/checkpoints" }

  package func path(step: Int) -> String {
    let digits = String(step)
    return path + "/step-" + String(repeating: "0", count: max(6 - digits.count, 0)) + digits
  }

  /// All complete checkpoints, oldest first. One that is being written has another name.
  package var complete: [(step: Int, path: String)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)) else { return nil }
      let folder = path + "/" + name
      return access(folder + "/" + TrainingState.fileName, F_OK) == 0 ? (step, folder) : nil
    }.sorted { $0.0 < $1.0 }
  }

  /// Removes all but the newest `keep`.
  package func prune(keep: Int) throws {
    for old in complete.dropLast(keep) {
      do {
        try FileManager.default.removeItem(atPath: old.path)
      } catch {
        throw UserError(.disk, "cannot be removed: \(systemReason(error))", at: old.path)
      }
    }
  }
}

// The checkpoints of a run: which exist, which to resume from, which to remove.
import Base
import Checkpoints
import Foundation
import Recipes

/// `OUTPUT/checkpoints`.
package struct CheckpointFolder: Sendable {
  package let path: String

  package init(output: String) { path = output + "/checkpoints" }

  package func path(step: Int) -> String {
    path + "/step-" + zeroPadded(String(step), to: 6)
  }

  /// All folders that have the name of a checkpoint, oldest first. A checkpoint that is being written has another
  /// name.
  var all: [(step: Int, path: String)] {
    let found = (try? names(inFolder: path)) ?? []
    return found.compactMap { name in
      // Only names as they are made here: not step-7, step-+00007 or a number that is out of range.
      guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0,
        path(step: step) == path + "/" + name
      else { return nil }
      return (step, path + "/" + name)
    }.sorted { $0.0 < $1.0 }
  }

  /// The checkpoints that look complete.
  package var complete: [(step: Int, path: String)] {
    all.filter { access($0.path + "/" + TrainingState.fileName, F_OK) == 0 }
  }

  /// Removes all but the newest `keep`, and what is left of checkpoints that were replaced. Only good checkpoints
  /// count, and only good ones are removed: not the damaged ones, nor those whose files are not all there with the
  /// right lengths. Their numbers are not read again.
  /// - Parameters:
  ///   - damaged: the paths of damaged checkpoints.
  ///   - best: the step of one that stays beside the newest; nil for none.
  package func prune(keep: Int, damaged: Set<String>, best: Int? = nil) throws {
    let good = complete.filter { found in
      if damaged.contains(found.path) { return false }
      if !Manifest.isIn(found.path) { return (try? TrainingState(folder: found.path).hasManifest) == false }
      return (try? Manifest(folder: found.path).checkLengths(found.path)) != nil
    }
    for old in good.dropLast(keep) where old.step != best { try DirectoryPublish(old.path).remove() }
    try DirectoryPublish.recoverAll(in: path)
  }
}

extension CheckpointFolder {
  /// Makes the folders of a run, mends what an end left half done, and writes config.yaml.
  func prepareOutput(of recipe: Recipe) throws {
    do {
      try makeFolders(path)
      try DirectoryPublish.removeStale(in: path)
      try DirectoryPublish(recipe.output + "/model").recover()
      try Data(recipe.resolved.yaml().utf8).write(
        to: URL(fileURLWithPath: recipe.output + "/config.yaml"), options: .atomic)
    } catch var error as UserError {
      error.hint = "set output to a folder that you may write to"
      throw error
    } catch {
      throw UserError(
        .disk, "cannot be written to: \(systemReason(error))", at: recipe.output,
        hint: "set output to a folder that you may write to")
    }
  }
}

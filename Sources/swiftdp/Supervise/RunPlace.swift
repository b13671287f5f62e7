// How far a run got, read from the files that it wrote, and which run it is, read from the command that starts it.
import Base
import Collectives
import Foundation
import Recipes
import Training

/// The output folder of the run that a command starts.
struct RunPlace {
  let output: String

  /// - Throws: what is wrong with the recipe.
  init?(command: [String]) throws {
    guard
      let train = command.indices.dropFirst().first(where: { index in
        command[index] == "train" && URL(fileURLWithPath: command[index - 1]).lastPathComponent == "swiftdp"
      })
    else { return nil }
    let options = command[..<train]
    let home = FileManager.default.currentDirectoryPath
    if let option = options.firstIndex(where: { ["-wdir", "--wdir", "-wd"].contains($0) }),
      chdir(command[option + 1]) != 0
    {
      throw UserError(.usage, "there is no folder \(command[option + 1])", at: command[option])
    }
    defer { _ = chdir(home) }
    let (recipe, _) = try readRecipe(Array(command[(train + 1)...]))
    guard !recipe.data.readsStandardInput else {
      throw UserError(
        .usage, "names standard input, which is gone when the command starts again", at: "data",
        hint: "write it into a file")
    }
    output = URL(fileURLWithPath: recipe.output).path
  }

  /// The step that was in progress when the run ended, and the words for it: the one that failure.json names if this
  /// run has written one, otherwise the one after the last line of metrics.jsonl.
  /// - Parameter wasStopped: whether no step failed if no file names one.
  func step(startedAt start: Date, wasStopped: Bool) -> (number: Int, words: String)? {
    if let step = FailureFile.step(in: output, since: start) { return (step, "at step \(step)") }
    if wasStopped { return nil }
    let last = lastStep
    return (last + 1, last == 0 ? "before step 1 was done" : "after step \(last)")
  }

  /// Seconds in which mpirun ends once its ranks have.
  private static let patience = 15.0

  /// Whether the run reported a failure so long ago that its launcher should have ended. mpirun does not if the power of
  /// a host fails: it waits for its daemon there.
  func hasFailed(since start: Date) -> Bool {
    guard let age = FailureFile.age(in: output, since: start), age > Self.patience else { return false }
    Command.tell("supervise: the command has not ended \(Int(age)) s after the run failed: killed")
    return true
  }

  /// The step of the newest checkpoint; 0 if there is none.
  var checkpoint: Int { CheckpointFolder(output: output).complete.last?.step ?? 0 }

  /// 0 before the first step.
  private var lastStep: Int {
    guard let bytes = try? OpenFile.contents(output + "/metrics.jsonl") else { return 0 }
    // A line that a crash cut short is not JSON.
    for line in bytes.split(separator: UInt8(ascii: "\n")).reversed() {
      if let step = (try? JSON.parse(Array(line)))?["step"]?.integer { return step }
    }
    return 0
  }
}

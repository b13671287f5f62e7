// What tests on real schedulers share.
import Foundation
import Testing

enum Clusters {
  /// Schedulers are started as root, and their jobs take minutes.
  static let areTested = ProcessInfo.processInfo.environment["SWIFTDP_CLUSTERS"] == "1"
  static let how: Comment = "launch/test --clusters runs them"
}

/// A run whose number of steps fits a time on this machine, however fast it is, and what it leaves undisturbed.
struct TimedRun {
  let settings: [String]
  let steps: Int
  let whole: RunOutput

  /// - Parameter seconds: about how long all steps take two ranks.
  init(seconds: Double, in folder: Workspace) throws {
    try folder.makeLlama(width: 64)
    try folder.makeText(characters: 2150)
    let settings = CommandLineTests.RankCountTests.text + ["training.validate_every=0", "checkpoint.keep=2"]
    let probe = try train(settings + ["training.steps=400"], output: "probe", ranks: 2, in: folder)
    // The first steps are slow.
    let rates = try probe.numbers("seconds").dropFirst(20)
    let mean = rates.reduce(0, +) / Double(rates.count)
    steps = Int(seconds / mean)
    self.settings = settings + ["training.steps=\(steps)", "checkpoint.every=\(max(steps / 20, 1))"]
    whole = try train(self.settings, output: "whole", ranks: 2, in: folder)
  }
}

extension [String] {
  /// A recipe file with nothing but a comment in it, and these settings behind it.
  func recipe(in folder: Workspace) throws -> [String] {
    try folder.file("run.yaml", "# all settings are given\n")
    return ["run.yaml"] + self
  }
}

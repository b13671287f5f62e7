// A run that loses random ranks at random moments, over and over, ends with the bits of one that was left alone.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct RandomKillTests {
    /// A checkpoint after every other step: most of what a rank does is then within reach of a kill, from reading
    /// checkpoints over forward, exchange and update to writing and renaming them.
    private static let settings =
      RankCountTests.text + [
        "training.steps=\(100 * FaultCount.count)", "training.validate_every=0", "checkpoint.every=2",
      ]

    @Test func killedRunsEndAtTheSameHash() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      var random = PhiloxStream(seed: UInt64(Date().timeIntervalSince1970), stream: 0)
      let ranks = 3
      let run = try RunningCommand(
        [Command.binary, "supervise", "--restarts", "1000", "--pause", "0", "--"]
          + ["mpirun", "-np", "\(ranks)", "--bind-to", "none", Command.binary, "train"] + Self.settings
          + ["output=run"], in: folder, mercy: 1)
      var phases: [String: Int] = [:]
      var kills = 0
      var reached = 0
      func newest() -> Int {
        folder.names(in: "run/checkpoints").compactMap { Int($0.dropFirst(5)) }.max() ?? 0
      }
      while kills < FaultCount.count {
        // Three times in a row in one step, or while starting from it, would be given up.
        if kills % 2 == 0 { try #require(run.until { newest() > reached + 6 }, "\(run.errors)") }
        // While it starts, or later.
        usleep(UInt32(truncatingIfNeeded: random.next() % 1_200_000))
        let rank = Int(random.next() % UInt64(ranks))
        guard let process = run.process(ofRank: rank) else { continue }
        try? folder.remove("run/failure.json")
        let isWriting = folder.names(in: "run/checkpoints").contains { $0.hasSuffix(".incomplete") }
        guard kill(process, SIGKILL) == 0 else { continue }
        kills += 1
        reached = newest()
        try #require(run.until { kill(process, 0) != 0 }, "the run ended early: \(run.errors)")
        try #require(
          run.until { folder.exists("run/failure.json") || run.process(ofRank: rank) != nil }, "\(run.errors)"
        )
        let report = try? JSON.parse(folder.text("run/failure.json"))
        let killed = report?["ranks"]?.elements?.first { $0["rank"]?.integer == rank }
        phases[killed?["phase"]?.text ?? "start", default: 0] += 1
        if isWriting { phases["a step beside the write of a checkpoint", default: 0] += 1 }
      }
      let result = try run.wait(timeLimit: 600)
      #expect(result.code == 0, "\(result.err)")
      let whole = try train(Self.settings + ["checkpoint.every=0"], output: "whole", in: folder)
      #expect(try RunOutput(folder: folder, name: "run").hash() == whole.hash())
      let counts = phases.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }
      print("\(kills) random kills, equal hashes; \(counts.joined(separator: ", "))")
    }
  }
}

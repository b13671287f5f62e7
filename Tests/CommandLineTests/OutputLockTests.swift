// Two runs never write into one folder, and a crash leaves no lock behind.
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct OutputLockTests {
    private static let endless = RankCountTests.text + ["training.steps=1000000", "checkpoint.every=0"]

    @Test func theSecondRunIsRefusedAndAKilledFirstOneLeavesNoLock() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let name = "run-\(UUID().uuidString.prefix(8))"
      let first = try RunningCommand(
        ["mpirun", "-np", "2", "--bind-to", "none", Command.binary, "train"] + Self.endless + [
          "output=\(name)"
        ],
        in: folder)
      let hasBegun = waitUntil { (try? folder.data(name + "/metrics.jsonl").isEmpty) == false }
      try #require(hasBegun, "\(first.errors)")
      let holder = try folder.text(name + "/lock")
      let owner = try #require(Int32(holder.split(separator: " ")[1]))
      #expect(holder == "process \(owner) on \(ProcessInfo.processInfo.hostName)")
      let ranks = processes(with: "output=\(name)", program: "swiftdp")
      #expect(ranks.count == 2 && ranks.contains(owner))
      for count in [nil, 2] {
        let second = try Command.swiftdp(
          ["train"] + Self.endless + ["output=\(name)"], ranks: count, in: folder)
        #expect(second.code == 75)
        #expect(
          second.messages == [
            "\(name): another run writes to it: \(holder) "
              + "(wait for its end, or set output to another folder)"
          ])
      }
      // Only runs take the lock.
      let verified = try Command.swiftdp(
        ["verify", "--steps", "2"] + Self.endless + ["output=\(name)"], in: folder)
      #expect(verified.code == 0, "\(verified.err)")

      for rank in ranks { kill(rank, SIGKILL) }
      _ = try first.wait()
      #expect(try folder.text(name + "/lock") == holder, "killed, it had no time to clear its name")
      let again = try Command.swiftdp(
        ["train"] + RankCountTests.text + ["training.steps=2", "output=\(name)"], ranks: 2, in: folder)
      #expect(again.code == 0, "\(again.err)")
      #expect(try folder.text(name + "/lock").isEmpty)
    }

    /// The folder of an earlier run, read by a run that makes a mistake.
    @Test func aMistakeLeavesTheLockAsItWas() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try train(RankCountTests.text + ["training.steps=1"], output: "run", in: folder)
      #expect(try folder.text("run/lock").isEmpty)
      try expectMistake(
        ["train"] + RankCountTests.text + ["output=run", "checkpoint.resume=none"], 64,
        [
          "checkpoint.resume: is none, but run/checkpoints/step-000001 is there from an earlier run "
            + "(set output to a new folder, or remove run/checkpoints)"
        ], in: folder)
    }
  }
}

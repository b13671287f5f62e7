// Checkpoints that are due by the clock.
import Base
import Testing

extension CommandLineTests {
  @Suite struct CadenceTests {
    @Test func checkpointsByTheClock() throws {
      let folder = try BackgroundCheckpointTests.folder()
      let settings = RankCountTests.text + ["training.steps=120", "checkpoint.keep=1000"]
      let plain = try train(settings + ["checkpoint.every=0"], output: "plain", ranks: 2, in: folder)
      #expect(plain.checkpoints == ["step-000120"])
      let run = try train(settings + ["checkpoint.every=0.1s"], output: "clock", ranks: 2, in: folder)
      // A step takes some milliseconds, so some checkpoints are due before the last one, and far fewer than steps.
      #expect((2..<100).contains(run.checkpoints.count), "\(run.checkpoints)")
      #expect(run.checkpoints.last == "step-000120")
      // When checkpoints are written changes nothing.
      #expect(try run.hash("step-000120") == plain.hash("step-000120"))
      let again = try Command.swiftdp(
        ["train"] + settings + ["checkpoint.every=1h", "output=clock", "training.steps=125"], in: folder)
      #expect(again.code == 0, "\(again.err)")
      #expect(folder.names(in: "clock/checkpoints").last == "step-000125")
    }

    @Test func mistakes() throws {
      let folder = try BackgroundCheckpointTests.folder()
      for (value, shown) in [("soon", "soon"), ("'100'", "100"), ("-1h", "-1h")] {
        try expectMistake(
          ["train"] + RankCountTests.text + ["checkpoint.every=\(value)", "output=o"], 64,
          ["checkpoint.every: is \"\(shown)\", which is no time (steps, such as 100, or a time such as 30m)"],
          in: folder)
      }
    }
  }
}

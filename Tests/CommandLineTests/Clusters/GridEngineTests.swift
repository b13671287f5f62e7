// launch/sge.sh in a real Grid Engine: warned, out of time, in arrays, deleted and mistaken.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite(.enabled(if: Clusters.areTested, Clusters.how)) struct GridEngineTests {
    /// First swiftdp stops before the limit that it has asked for; then a soft limit warns, before it has done so.
    @Test func aJobOutOfTimeQueuesAgainAndEndsAtTheSameHash() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 25, in: folder)
      let engine = try GridEngineHere(in: folder)
      // 30 s are kept for the end.
      let job = try engine.submit(["-l", "h_rt=45"], timed.settings.recipe(in: folder) + ["output=run"])
      let code = try engine.ended(job, seconds: 300)
      let log = try folder.text("\(job).log")
      try #require(code == "0", "\(log)")
      let stops = log.matches(of: /stopped as its time is nearly over after step \d+ of/).count
      #expect(stops >= 1)
      #expect(log.matches(of: /sge.sh: queues again\n/).count == stops)
      #expect(log.matches(of: /\nresume  step \d+ of/).count == stops)
      let run = RunOutput(folder: folder, name: "run")
      #expect(try run.hash() == timed.whole.hash())
      #expect(try run.results() == timed.whole.results())
    }

    /// SIGUSR1 and SIGUSR2 go to the whole process group of the script.
    @Test func itsWarningsAreHeard() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 15, in: folder)
      let engine = try GridEngineHere(in: folder)
      let run = RunOutput(folder: folder, name: "run")
      let job = try engine.submit([], timed.settings.recipe(in: folder) + ["output=run"])
      try #require(waitUntil(60) { !run.checkpoints.isEmpty })
      // A job that is to be suspended is warned with SIGUSR1, and gives its place up instead.
      try engine.run(["qmod", "-sj", job])
      #expect(waitUntil(30) { ((try? folder.text("\(job).log")) ?? "").contains("sge.sh: queues again\n") })
      try engine.run(["qmod", "-usj", job])
      let code = try engine.ended(job)
      let log = try folder.text("\(job).log")
      try #require(code == "0", "\(log)")
      #expect(log.matches(of: /stopped by a signal after step \d+ of/).count == 1)
      #expect(log.matches(of: /\nresume  step \d+ of/).count == 1)
      #expect(try run.hash() == timed.whole.hash())

      // One that is deleted is warned with SIGUSR2: it leaves a checkpoint, and does not come back.
      let other = try engine.submit(
        [], timed.settings.recipe(in: folder) + ["training.steps=1000000", "output=other"])
      let otherRun = RunOutput(folder: folder, name: "other")
      try #require(waitUntil(60) { !otherRun.checkpoints.isEmpty })
      try engine.run(["qdel", other])
      let isGone = waitUntil(60) {
        usleep(300_000)
        return (try? engine.state(other)) == .some(nil)
      }
      #expect(isGone)
      sleep(4)
      #expect(try engine.state(other) == nil)
      let said = try folder.text("\(other).log")
      #expect(said.matches(of: /stopped by a signal after step \d+ of/).count == 1, "\(said)")
      #expect(!said.contains("queues again"))
      #expect(waitUntil(10) { processes(with: "output=other").isEmpty })
    }

    @Test func anArrayOfThreeLearningRates() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 2, in: folder)
      let engine = try GridEngineHere(in: folder)
      let rates = ["1.0e-3", "3.0e-3", "1.0e-2"]
      try folder.file("rates.txt", rates.map { "optimizer.learning_rate=\($0) output=runs/\($0)\n" }.joined())
      let job = try engine.submit(
        ["-t", "1-3"], ["--each", "rates.txt"] + (try timed.settings.recipe(in: folder)),
        log: "$JOB_ID.$TASK_ID.log")
      #expect(
        waitUntil {
          usleep(300_000)
          return (try? engine.state(job)) == .some(nil)
        })
      let hashes = try rates.map { try RunOutput(folder: folder, name: "runs/\($0)").hash() }
      #expect(Set(hashes).count == 3)
      #expect(try hashes[0] == timed.whole.hash())
    }

    @Test func mistakesDoNotQueueAgain() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let engine = try GridEngineHere(in: folder)
      let recipe = try RankCountTests.text.recipe(in: folder)
      let cases = [
        (recipe + ["training.stepps=3"], "swiftdp: training.stepps: is not a key of swiftdp"),
        ([], "sge.sh: which recipe? qsub launch/sge.sh run.yaml"),
        (["--each", "none.txt"] + recipe, "sge.sh: none.txt has no lines"),
      ]
      for (arguments, said) in cases {
        let job = try engine.submit([], arguments)
        #expect(try engine.ended(job) == "64", "\(arguments)")
        let log = try folder.text("\(job).log")
        #expect(log.contains(said) && !log.contains("queues again"), "\(log)")
      }
      #expect(cases.count == 3)
    }
  }
}

// launch/slurm.sbatch in a real Slurm: preempted, out of time, in arrays, cancelled and mistaken.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite(.enabled(if: Clusters.areTested, Clusters.how)) struct SlurmTests {
    private static let two = ["--ntasks-per-node=2", "--cpus-per-task=1"]

    /// The warning signal comes twice; each time the job stops, queues again and goes on.
    @Test func aWarnedJobQueuesAgainAndEndsAtTheSameHash() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 25, in: folder)
      let slurm = try SlurmHere(in: folder)
      let job = try slurm.submit(Self.two, timed.settings.recipe(in: folder) + ["output=run"])
      let run = RunOutput(folder: folder, name: "run")
      for restarts in 1...2 {
        let before = run.checkpoints.last ?? ""
        #expect(
          waitUntil(60) {
            (run.checkpoints.last ?? "") > before && (try? slurm.facts(job)["JobState"]) == "RUNNING"
          })
        try slurm.run(["scancel", "--batch", "--signal=USR1", job])
        #expect(waitUntil(30) { (try? slurm.facts(job)["Restarts"]) == "\(restarts)" })
      }
      let isDone = try slurm.wait(job, for: "COMPLETED")
      let log = try folder.text("\(job).log")
      try #require(isDone, "\(log)")
      #expect(log.matches(of: /stopped by a signal after step \d+ of/).count == 2)
      #expect(log.matches(of: /slurm.sbatch: queues again\n/).count == 2)
      #expect(log.matches(of: /\nresume  step \d+ of/).count == 2)
      #expect(try slurm.facts(job)["Restarts"] == "2")
      #expect(try run.hash() == timed.whole.hash())
      #expect(try run.results() == timed.whole.results())
    }

    /// A minute is the shortest limit that Slurm has. swiftdp asks for it and stops before it; no signal comes.
    @Test func aJobOutOfTimeQueuesAgainUntilItIsDone() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 40, in: folder)
      let slurm = try SlurmHere(in: folder)
      let job = try slurm.submit(
        Self.two + ["--time=1", "--signal=B:CONT@1"], timed.settings.recipe(in: folder) + ["output=run"])
      let isDone = try slurm.wait(job, for: "COMPLETED", seconds: 400)
      let log = try folder.text("\(job).log")
      try #require(isDone, "\(log)")
      let restarts = try #require(Int(slurm.facts(job)["Restarts"] ?? ""))
      #expect(restarts >= 1)
      #expect(log.matches(of: /stopped as its time is nearly over after step \d+ of/).count == restarts)
      #expect(
        log.matches(of: /supervise: exit code 75: its time is over, not started again/).count == restarts)
      #expect(!log.contains("DUE TO TIME LIMIT"))
      let run = RunOutput(folder: folder, name: "run")
      #expect(try run.hash() == timed.whole.hash())
    }

    @Test func anArrayOfThreeLearningRates() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 2, in: folder)
      let slurm = try SlurmHere(in: folder)
      let rates = ["1.0e-3", "3.0e-3", "1.0e-2"]
      try folder.file(
        "rates.txt",
        "# one line a task\n\n"
          + rates.map { "optimizer.learning_rate=\($0) output=runs/\($0)\n" }.joined())
      let arguments = ["--each", "rates.txt"] + (try timed.settings.recipe(in: folder))
      let job = try slurm.submit(Self.two + ["--array=0-2"], arguments, log: "%A_%a.log")
      for (task, rate) in rates.enumerated() {
        let isDone = try slurm.wait("\(job)_\(task)", for: "COMPLETED")
        #expect(isDone, "\((try? folder.text("\(job)_\(task).log")) ?? "no log")")
        let config = try folder.text("runs/\(rate)/config.yaml")
        #expect(config.contains(try Regex("learning_rate: \(Double(rate)!)")), "\(config)")
      }
      let hashes = try rates.map { try RunOutput(folder: folder, name: "runs/\($0)").hash() }
      #expect(Set(hashes).count == 3)
      #expect(try hashes[0] == timed.whole.hash())
    }

    /// None of these would be mended by another try.
    @Test func mistakesDoNotQueueAgain() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file("rates.txt", "output=a\noutput=a\n")
      let slurm = try SlurmHere(in: folder)
      let recipe = try RankCountTests.text.recipe(in: folder)
      let array = ["--array=0"]
      let cases: [([String], [String], String)] = [
        ([], recipe + ["training.stepps=3"], "swiftdp: training.stepps: is not a key of swiftdp"),
        ([], ["none.yaml"], "swiftdp: none.yaml: "),
        ([], [], "slurm.sbatch: which recipe? sbatch launch/slurm.sbatch run.yaml"),
        (array, recipe, "slurm.sbatch: the tasks of an array differ by a line each of a file: --each FILE"),
        (array, ["--each", "none.txt"] + recipe, "slurm.sbatch: none.txt has no lines"),
        (
          array, ["--each", "rates.txt"] + recipe,
          "slurm.sbatch: rates.txt: each line needs an output=FOLDER of its own"
        ),
        (["--export=ALL,SWIFTDP=none"], recipe, "slurm.sbatch: there is no swiftdp on the PATH"),
      ]
      for (options, arguments, said) in cases {
        let job = try slurm.submit(Self.two + options, arguments)
        let hasFailed = try slurm.wait(job, for: "FAILED")
        #expect(hasFailed, "\(arguments)")
        let facts = try slurm.facts(job)
        #expect(facts["Restarts"] == "0" && facts["ExitCode"] == "64:0", "\(arguments)")
        let log = try folder.text("\(job).log")
        #expect(log.contains(said), "\(log)")
      }
      #expect(cases.count == 7)
    }

    @Test(arguments: ["cancel", "INT"]) func whoCancelsItEndsItForGood(_ how: String) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let slurm = try SlurmHere(in: folder)
      let job = try slurm.submit(
        Self.two,
        RankCountTests.text.recipe(in: folder) + [
          "training.steps=1000000", "training.validate_every=0", "checkpoint.every=50", "output=run",
        ])
      try #require(waitUntil(60) { folder.exists("run/checkpoints/step-000050") })
      try slurm.run(how == "INT" ? ["scancel", "--batch", "--signal=INT", job] : ["scancel", job])
      let hasEnded = try slurm.wait(job, for: how == "INT" ? "FAILED" : "CANCELLED", seconds: 30)
      #expect(hasEnded)
      // A job that had queued again would be pending by now, and then start.
      sleep(12)
      let facts = try slurm.facts(job)
      #expect(facts["Restarts"] == "0" && facts["JobState"] == (how == "INT" ? "FAILED" : "CANCELLED"))
      let log = try folder.text("\(job).log")
      #expect(!log.contains("queues again"))
      if how == "INT" {
        #expect(facts["ExitCode"] == "75:0")
        #expect(log.contains("stopped by a signal after step"))
      }
      #expect(waitUntil(10) { processes(with: folder.path, program: "mpirun").isEmpty })
    }

    /// Two nodes, and a job of a partition that comes first takes both. Its ranks go to the other host by Slurm.
    @Test(
      .enabled(if: Hosts.missing == nil, "this machine cannot have two hosts: \(Hosts.missing ?? "")"))
    func aJobOnTwoNodesIsPreempted() throws {
      let folder = try Workspace()
      let timed = try TimedRun(seconds: 10, in: folder)
      let hosts = try Hosts(in: folder)
      let slurm = try SlurmHere(on: hosts, in: folder)
      let job = try slurm.submit(
        ["--nodes=2", "--ntasks-per-node=1"], timed.settings.recipe(in: folder) + ["output=run"])
      let run = RunOutput(folder: folder, name: "run")
      try #require(waitUntil(60) { !run.checkpoints.isEmpty })
      let urgent = try slurm.run([
        "sbatch", "--parsable", "--partition=high", "--nodes=2", "--exclusive", "--output=urgent.log",
        "--wrap",
        "hostname",
      ])
      let isDone = try slurm.wait(
        urgent.out.trimmingCharacters(in: .whitespacesAndNewlines), for: "COMPLETED")
      #expect(isDone)
      let isWhole = try slurm.wait(job, for: "COMPLETED")
      let log = try folder.text("\(job).log")
      try #require(isWhole, "\(log)")
      #expect(try slurm.facts(job)["Restarts"] == "1", "\(log)")
      #expect(log.contains("2 ranks on 2 hosts"))
      #expect(log.matches(of: /stopped by a signal after step \d+ of/).count == 1)
      #expect(log.matches(of: /\nresume  step \d+ of/).count == 1)
      #expect(try run.hash() == timed.whole.hash())
    }
  }
}

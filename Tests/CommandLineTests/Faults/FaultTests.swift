// Ranks that die, stop or are asked to end, at real moments of real runs.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct FaultTests {
    static let settings =
      RankCountTests.text + ["training.steps=400", "checkpoint.every=20", "training.validate_every=0"]

    /// A run of three ranks that has done some steps.
    private func started(_ more: [String], in folder: Workspace) throws -> RunningCommand {
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let run = try Command.start(["train"] + Self.settings + ["output=run"] + more, ranks: 3, in: folder)
      try #require(run.until { folder.exists("run/checkpoints/step-000020") }, "the run ended early")
      return run
    }

    /// The hash of the same run, undisturbed, of one rank.
    private static let whole = Result {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return try train(settings, output: "whole", in: folder).hash()
    }

    private func expectRestToBeTheSame(_ folder: Workspace, ranks: Int) throws {
      let rest = try Command.swiftdp(
        ["train"] + Self.settings + ["output=run"], ranks: ranks, in: folder)
      #expect(rest.code == 0 && rest.out.contains("resume  step "), "\(rest.err)")
      #expect(try RunOutput(folder: folder, name: "run").hash() == Self.whole.get())
    }

    private func failure(_ folder: Workspace) throws -> JSON {
      try JSON.parse(folder.text("run/failure.json"))
    }

    @Test(arguments: [(SIGKILL, "was killed"), (SIGSEGV, "crashed")])
    func aRankThatDiesIsNamed(_ signal: Int32, _ verb: String) throws {
      let folder = try Workspace()
      let run = try started([], in: folder)
      kill(try #require(run.process(ofRank: 1)), signal)
      let killed = Date()
      let result = try run.wait(timeLimit: 30)
      #expect(Date().timeIntervalSince(killed) < 10)
      #expect(result.code != 0)
      let message = try #require(result.messages.first)
      #expect(result.messages.count == 1 && message.hasPrefix("rank 1 on "), "\(result.messages)")
      #expect(message.contains(" \(verb) (signal \(signal)) in step "), "\(message)")
      let report = try failure(folder)
      #expect(report["kind"]?.text == "died" && report["signal"]?.integer == Int(signal))
      #expect(try #require(report["step"]?.integer) >= 20)
      #expect(report["ranks"]?.elements?.count == 3)
      try expectRestToBeTheSame(folder, ranks: 2)
    }

    @Test func aRankThatStandsStillIsNamed() throws {
      let folder = try Workspace()
      let run = try started(["parallel.timeout=3"], in: folder)
      let process = try #require(run.process(ofRank: 2))
      kill(process, SIGSTOP)
      let stopped = Date()
      let result = try run.wait(timeLimit: 60)
      let seconds = Date().timeIntervalSince(stopped)
      #expect(seconds > 2 && seconds < 20, "\(seconds)")
      #expect(result.code != 0)
      let message = try #require(result.messages.first)
      #expect(result.messages.count == 1 && message.hasPrefix("rank 2 on "), "\(result.messages)")
      #expect(message.contains(" has kept the others waiting for 3 s in step "), "\(message)")
      #expect(try failure(folder)["kind"]?.text == "silent")
      // No process of the run goes on.
      #expect(waitUntil(10) { kill(process, 0) != 0 })
      try expectRestToBeTheSame(folder, ranks: 1)
    }

    /// The run is stopped as a scheduler suspends a job, for longer than a rank may keep the others waiting.
    @Test func aSuspendedRunGoesOn() throws {
      let folder = try Workspace()
      let run = try started(["parallel.timeout=3"], in: folder)
      let processes = try (0..<3).map { try #require(run.process(ofRank: $0)) }
      for process in processes { kill(process, SIGSTOP) }
      usleep(7_000_000)
      for process in processes {
        kill(process, SIGCONT)
        usleep(100_000)
      }
      let result = try run.wait(timeLimit: 60)
      #expect(result.code == 0, "\(result.err)")
      #expect(!folder.exists("run/failure.json"))
      #expect(try RunOutput(folder: folder, name: "run").hash() == Self.whole.get())
    }

    /// If every rank waits, none is late, but the run must not hang.
    @Test func ranksThatAllWaitAreToldOf() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      for ranks in [2, 3] {
        let result = try Command.swiftdp(
          ["train"] + Self.settings + ["output=run", "parallel.timeout=2"], ranks: ranks,
          fault: RankFault(rank: 0, what: "stay:600"), in: folder)
        #expect(result.code == 75, "\(result.err)")
        let message = try #require(result.messages.first)
        #expect(result.messages.count == 1, "\(result.messages)")
        let words =
          /no rank has come further for 2 s: rank 0 in a gather \(call \d+\), (rank 1|2 ranks from 1 on) in (a gather|gradients) \(call \d+\) in step \d+ \(run\/failure.json says what each rank was doing; start again to go on from the last checkpoint\)/
        #expect(message.wholeMatch(of: words) != nil, "\(message)")
        let report = try failure(folder)
        #expect(report["kind"]?.text == "standstill" && report["ranks"]?.elements?.count == ranks)
        #expect(report["failed"]?.elements?.isEmpty == true)
        try expectRestToBeTheSame(folder, ranks: 1)
        try folder.remove("run")
      }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func asksToStop(_ signal: Int32) throws {
      let folder = try Workspace()
      let run = try started([], in: folder)
      kill(try #require(run.process(ofRank: 1)), signal)
      let result = try run.wait(timeLimit: 60)
      #expect(result.code == 75, "\(result.err)")
      let message = try #require(result.messages.first)
      let last = try #require(RunOutput(folder: folder, name: "run").checkpoints.last)
      #expect(
        result.messages.count == 1 && message.hasPrefix("run/checkpoints/\(last): stopped by a signal "))
      try expectRestToBeTheSame(folder, ranks: 2)
    }

    @Test func asksForCheckpoints() throws {
      let folder = try Workspace()
      let run = try started(["checkpoint.keep=99"], in: folder)
      func checkpoints() -> [String] {
        RunOutput(folder: folder, name: "run").checkpoints.filter { !$0.hasSuffix("incomplete") }
      }
      func extra() -> [String] {
        checkpoints().filter { name in !["00", "20", "40", "60", "80"].contains { name.hasSuffix($0) } }
      }
      // The signal or the file may happen to come in a step that has a checkpoint anyway, and one may be on its way.
      func ask(_ body: () throws -> Void) rethrows -> Bool {
        let before = extra().count
        for _ in 0..<5 {
          let whole = checkpoints()
          try body()
          if run.until(timeLimit: 20, { checkpoints() != whole }), extra().count > before { return true }
        }
        return false
      }
      #expect(try ask { kill(try #require(run.process(ofRank: 2)), SIGUSR1) })
      #expect(try ask { try folder.file("run/checkpoint-now", "") })
      #expect(run.until { !folder.exists("run/checkpoint-now") })
      let result = try run.wait()
      #expect(result.code == 0, "\(result.err)")
      #expect(try RunOutput(folder: folder, name: "run").hash() == Self.whole.get())
    }

    @Test func endsBeforeItsTimeIsOver() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = ["train"] + Self.settings + ["output=run"]
      // Before a checkpoint has been written, 20 s are reserved for two of them, so the run has 0.3.
      let result = try Command.swiftdp(settings + ["training.time_limit=20.3s"], ranks: 2, in: folder)
      #expect(result.code == 75, "\(result.out)")
      #expect(result.messages.count == 1 && result.messages[0].contains("stopped as its time is nearly over"))
      try expectMistake(
        settings + ["training.time_limit=soon"], 64,
        ["training.time_limit: is \"soon\", which is no time (such as 4h, 90m or 04:00:00)"], in: folder)
      try expectRestToBeTheSame(folder, ranks: 1)
    }
  }
}

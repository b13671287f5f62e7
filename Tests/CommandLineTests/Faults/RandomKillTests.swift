// A run that loses random ranks at random moments, or is asked to stop, over and over, ends with the bits of an
// undisturbed run.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct RandomKillTests {
    /// A checkpoint after every other step: a kill can then hit most of what a rank does, from reading checkpoints
    /// over forward, exchange and update to writing and renaming them. How far a run gets depends on the machine: it
    /// goes on until it is asked to stop, at a learning rate that does not depend on the number of steps.
    private static let settings =
      RankCountTests.text + ["schedule.name=constant", "training.validate_every=0", "checkpoint.every=2"]

    /// Everything is trained; or an adapter whose start, and whose base, every restart takes from the base again.
    @Test(arguments: [
      [],
      [
        "model=base/model", "weights=pretrained", "method={name: lora, rank: 3, dora: true, init: pissa}",
        "frozen_dtype=int8",
      ],
    ])
    func killedRunsEndAtTheSameHash(_ method: [String]) throws {
      let folder = try MethodTests.folder()
      let settings = Self.settings + method
      let count = (FaultCount.count + 1) / 2
      var random = PhiloxStream(seed: UInt64(Date().timeIntervalSince1970), stream: 0)
      let ranks = 3
      let run = try RunningCommand(
        [Command.binary, "supervise", "--restarts", "1000", "--pause", "0", "--"]
          + ["mpirun", "-np", "\(ranks)", "--bind-to", "none", Command.binary, "train"] + settings
          + ["training.steps=1000000", "output=run"], in: folder, mercy: 1)
      var phases: [String: Int] = [:]
      var kills = 0
      var reached = 0
      func newest() -> Int {
        folder.names(in: "run/checkpoints").compactMap { Int($0.dropFirst(5)) }.max() ?? 0
      }
      while kills < count {
        // supervise would give up after three failures in a row in one step, or while starting from it.
        if kills % 2 == 0 { try #require(run.until { newest() > reached + 6 }, "\(run.errors)") }
        // Kills it while it starts, or later.
        usleep(UInt32(truncatingIfNeeded: random.next() % 1_200_000))
        let rank = Int(random.next() % UInt64(ranks))
        guard let process = run.process(ofRank: rank) else {
          try #require(run.isRunning, "the run ended early: \(run.errors)")
          continue
        }
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
      // It is asked to stop once it is running again.
      try #require(run.until { newest() > reached + 6 }, "\(run.errors)")
      run.send(SIGTERM)
      let result = try run.wait(timeLimit: 60)
      #expect(result.code == 75, "\(result.err)")
      let steps = newest()
      let whole = try train(
        settings + ["training.steps=\(steps)", "checkpoint.every=0"], output: "whole", in: folder)
      #expect(try RunOutput(folder: folder, name: "run").hash() == whole.hash())
      let counts = phases.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }
      print("\(kills) random kills in \(steps) steps, equal hashes; \(counts.joined(separator: ", "))")
    }

    /// A method of each kind: an adapter, one that allocates ranks, parts of a model, virtual tokens, a head on features;
    /// and a policy whose answers a program rewards.
    private static let kinds: [(model: String, settings: [String])] = [
      ("llama", MethodTests.text + ["method=lora"]),
      ("llama", MethodTests.text + ["method={name: adalora, init_r: 4, target_r: 2, tinit: 20, tfinal: 40}"]),
      (
        "llama",
        MethodTests.text + ["method={name: prefix_tuning, num_virtual_tokens: 5, prefix_projection: true}"]
      ),
      ("gpt2", RankCountTests.text + ["model=gpt2", "method=bitfit"]),
      ("bert", ClassificationTests.reviews + ["method=features"]),
      (
        "policy",
        [
          "model=llama", "weights=random", "data.train=rows.jsonl", "data.validation=0",
          "data.sequence_length=40",
          "training.batch_size=8", "training.micro_batch_size=2", "optimizer.learning_rate=3.0e-3",
          "parallel.threads=1",
          "task={name: grpo, num_generations: 2, max_completion_length: 5, num_iterations: 3, rewards: [{command: 'sh score.sh', timeout: 20}]}",
        ]
      ),
    ]

    /// Every rank in turn is killed at a random moment behind a checkpoint; the run goes on from there with another
    /// number of ranks.
    @Test(arguments: kinds.indices) func everyKindOfMethodGoesOn(_ kind: Int) throws {
      let (model, given) = Self.kinds[kind]
      let folder = model == "llama" ? try MethodTests.folder() : try Workspace()
      if model == "policy" {
        try folder.makeLlama()
        try folder.makeRows(count: 40)
        try folder.file("score.sh", "while read -r line; do echo $((${#line} % 7)); done\n")
      }
      if model == "gpt2" { try folder.makeGPT2(dropout: 0.1) }
      if model == "bert" { try folder.makeBERT(dropout: 0) }
      if model == "gpt2" { try folder.makeText(characters: 2150) }
      if model == "bert" { try folder.makeReviews() }
      let settings = given + ["training.steps=200", "training.validate_every=0", "checkpoint.every=4"]
      var random = PhiloxStream(seed: UInt64(Date().timeIntervalSince1970), stream: UInt64(2 + kind))
      let output = RunOutput(folder: folder, name: "run")
      func newest() -> Int {
        output.checkpoints.compactMap { Int($0.dropFirst(5)) }.max() ?? 0
      }
      var kills = 0
      for ranks in [3, 2] {
        let before = newest()
        let run = try Command.start(["train"] + settings + ["output=run"], ranks: ranks, in: folder)
        try #require(run.until { newest() > before }, "the run ended early: \(run.errors)")
        usleep(UInt32(truncatingIfNeeded: random.next() % 100_000))
        let rank = Int(random.next() % UInt64(ranks))
        guard let process = run.process(ofRank: rank), kill(process, SIGKILL) == 0 else { break }
        let result = try run.wait(timeLimit: 60)
        #expect(result.code != 0)
        kills += 1
      }
      #expect(kills > 0)
      let killed = newest()
      let rest = try Command.swiftdp(["train"] + settings + ["output=run"], in: folder)
      #expect(rest.code == 0 && rest.out.contains("resume  step "), "\(rest.err)")
      let whole = try train(settings + ["checkpoint.every=0"], output: "whole", in: folder)
      #expect(try output.hash() == whole.hash())
      #expect(try output.tensors("model") == whole.tensors("model"))
      print("\(kills) kills, the last behind step \(killed) of 200, equal hashes")
    }

    /// When it is asked to stop at any moment, it leaves a checkpoint and 75, and resumes at another number of ranks.
    @Test func stoppedRunsEndAtTheSameHash() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      var random = PhiloxStream(seed: UInt64(Date().timeIntervalSince1970), stream: 1)
      func draw(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
      let settings = RankCountTests.text + ["training.steps=\(100 * FaultCount.count)", "output=run"]
      let run = RunOutput(folder: folder, name: "run")
      var stops = 0
      while stops < FaultCount.count {
        let ranks = 1 + draw(3)
        let command = try Command.start(["train"] + settings, ranks: ranks, in: folder)
        // Waits until it listens.
        let before = folder.data(ofMetricsIn: "run")
        try #require(command.until { folder.data(ofMetricsIn: "run") > before }, "\(command.errors)")
        usleep(UInt32(draw(100_000)))
        guard let process = command.process(ofRank: draw(ranks)) else { break }
        kill(process, [SIGTERM, SIGINT, SIGUSR2][draw(3)])
        let result = try command.wait(timeLimit: 60)
        if result.code == 0 { break }
        #expect(result.code == 75, "\(result.err)")
        let last = try #require(run.checkpoints.last)
        #expect(result.messages.count == 1 && result.messages[0].contains("/\(last): stopped by a signal "))
        stops += 1
      }
      #expect(stops > 1)
      try train(settings.dropLast(), output: "run", ranks: 2, in: folder)
      let whole = try train(settings.dropLast(), output: "whole", in: folder)
      #expect(try run.hash() == whole.hash())
      print("\(stops) stops at random moments, equal hashes")
    }
  }
}

extension Workspace {
  /// The bytes of metrics that a run has written so far.
  fileprivate func data(ofMetricsIn output: String) -> Int {
    (try? data("\(output)/metrics.jsonl").count) ?? 0
  }
}

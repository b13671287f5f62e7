// A real model, trained with dropout: one SHA-256 of weights and moments, however the run is arranged.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite(.enabled(if: Project.hasSharedData, "../shared/data is not beside this package"))
  struct StoriesTests {
    /// Twelve micro-batches per step: eight ranks share them unevenly.
    static let settings = [
      "model=stories", "data.train=text.txt", "data.sequence_length=64", "training.steps=20",
      "training.batch_size=12", "training.micro_batch_size=1", "training.validate_every=10",
      "optimizer.learning_rate=1.0e-3", "parallel.threads=1",
    ]

    @Test func everyArrangementGivesOneHash() throws {
      let folder = try Workspace()
      try folder.makeStories()
      let one = try train(Self.settings, output: "np1", in: folder)
      let losses = try one.numbers("loss")
      #expect(losses.count == 20)
      #expect(try #require(losses.last) < losses[0] - 0.5)
      let hash = try one.hash()
      var compared = 0
      // Ranks, threads, ZeRO stage, recompute.
      for (ranks, threads, zero, recompute) in [
        (1, 1, 1, "none"), (2, 1, 1, "none"), (3, 1, 1, "none"), (4, 1, 1, "none"), (8, 1, 1, "none"),
        (1, 2, 0, "none"), (1, 3, 1, "none"), (2, 2, 0, "none"), (4, 1, 0, "attention"), (2, 3, 0, "layer"),
        (1, 1, 1, "layer"), (8, 1, 0, "layer"),
      ] {
        let run = try train(
          Self.settings + [
            "parallel.threads=\(threads)", "parallel.zero=\(zero)", "training.recompute=\(recompute)",
          ], output: "run\(compared)", ranks: ranks, in: folder)
        let what: Comment = "\(ranks) ranks, \(threads) threads, ZeRO \(zero), recompute \(recompute)"
        #expect(try run.hash() == hash, what)
        #expect(try run.results() == one.results(), what)
        compared += 1
      }
      #expect(compared == 12)
      // Dropout takes part in this, and the hash tells runs apart.
      let other = try train(Self.settings + ["training.seed=1"], output: "seed", ranks: 4, in: folder)
      #expect(try other.hash() != hash)
      try folder.makeStories("without", dropout: 0)
      let without = try train(Self.settings + ["model=without"], output: "without", ranks: 4, in: folder)
      #expect(try without.numbers("loss") != losses)
    }

    /// A rank dies in step 8, and another one seven steps after that run's start: the runs that follow know only a
    /// checkpoint. The one before the last is whole by then; the last one may be.
    @Test func killedTwiceAndResumedAtOtherRankCounts() throws {
      let folder = try Workspace()
      try folder.makeStories()
      let whole = try train(Self.settings, output: "whole", ranks: 2, in: folder)
      let settings = Self.settings + ["output=stopped"]
      let stopped = RunOutput(folder: folder, name: "stopped")
      func newest() throws -> Int {
        try #require(stopped.checkpoints.compactMap { Int($0.dropFirst(5)) }.max())
      }
      // In a step of four ranks, three rounds expect three parts of five pieces each; with three ranks, four rounds
      // expect two parts of six pieces each.
      let first = try Command.swiftdp(
        ["train"] + settings + ["checkpoint.every=2"], ranks: 4, fault: RankFault(rank: 2, what: "die:316"),
        in: folder)
      #expect(first.code != 0)
      let start = try newest()
      #expect([4, 6].contains(start))
      #expect(try stopped.metrics().count == 7)
      let second = try Command.swiftdp(
        ["train"] + settings + ["checkpoint.every=3"], ranks: 3, fault: RankFault(rank: 1, what: "die:312"),
        in: folder)
      #expect(second.code != 0)
      #expect(
        second.out.contains("resume  step \(start) of 20, from stopped/checkpoints/step-00000\(start)\n"))
      let next = try newest()
      #expect((start + 2..<start + 7).contains(next))
      #expect(try stopped.metrics().count == start + 6)
      let third = try Command.swiftdp(["train"] + settings, ranks: 1, in: folder)
      #expect(third.code == 0, "\(third.err)")
      #expect(third.out.contains("resume  step \(next) of 20, from stopped/checkpoints/step-0000"))
      #expect(try stopped.results() == whole.results())
      #expect(try stopped.results().count == 20)
      #expect(try stopped.hash() == whole.hash())
    }

    /// Rows of many lengths; embedding, attention and residual dropout; micro-batches of two, the last of one.
    @Test func gpt2WithAllThreeDropouts() throws {
      let folder = try Workspace()
      try folder.makeGPT2(dropout: 0.1)
      try folder.makeRows(count: 60)
      let settings = [
        "model=gpt2", "weights=random", "data.train=rows.jsonl", "data.packing=false",
        "data.sequence_length=64", "training.steps=20", "training.batch_size=11",
        "training.micro_batch_size=2", "training.validate_every=7", "data.validation=0.15",
        "optimizer.learning_rate=1.0e-3",
      ]
      let one = try train(settings + ["parallel.threads=1"], output: "np1", in: folder)
      let hash = try one.hash()
      var compared = 0
      for (ranks, threads, zero, recompute) in [
        (2, 1, 0, "none"), (3, 2, 1, "layer"), (4, 1, 1, "none"), (8, 1, 0, "none"), (1, 3, 1, "layer"),
      ] {
        let run = try train(
          settings + [
            "parallel.threads=\(threads)", "parallel.zero=\(zero)", "training.recompute=\(recompute)",
          ], output: "run\(compared)", ranks: ranks, in: folder)
        #expect(try run.hash() == hash, "\(ranks) ranks")
        #expect(try run.results() == one.results(), "\(ranks) ranks")
        compared += 1
      }
      #expect(compared == 5)
      // Each of the three has an effect by itself.
      var losses: [[Double]] = [try one.numbers("loss")]
      for key in ["attn_pdrop", "embd_pdrop", "resid_pdrop"] {
        try folder.makeGPT2(key, dropout: 0.1)
        let config = try folder.text(key + "/config.json")
        try folder.file(
          key + "/config.json", config.replacingOccurrences(of: "\"\(key)\": 0.1", with: "\"\(key)\": 0.0"))
        losses.append(
          try train(settings + ["model=\(key)", "training.steps=2"], output: key + "-out", in: folder)
            .numbers("loss"))
      }
      #expect(losses.count == 4 && Set(losses.map { $0[0] }).count == 4)
    }
  }
}

extension Workspace {
  /// stories260K with dropout, and the first part of tinyshakespeare.
  func makeStories(_ name: String = "stories", dropout: Double = 0.1) throws {
    let source = try #require(Project.shared("stories260K-hf"))
    for file in ["model.safetensors", "tokenizer.json"] {
      try self.file(name + "/" + file, Data(contentsOf: URL(fileURLWithPath: source + "/" + file)))
    }
    let config = try String(contentsOfFile: source + "/config.json", encoding: .utf8)
    let without = "\"attention_dropout\": 0.0"
    try #require(config.contains(without))
    try file(
      name + "/config.json",
      config.replacingOccurrences(of: without, with: "\"attention_dropout\": \(dropout)"))
    let text = try #require(Project.shared("text/tinyshakespeare.txt"))
    try file("text.txt", Data(contentsOf: URL(fileURLWithPath: text)).prefix(60_000))
  }
}

// Sequences that several ranks compute together: `parallel.context`.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ContextTests {
    /// Sequences of 30 tokens, which neither 4 nor 8 pieces divide.
    private static let settings = [
      "weights=random", "data.train=text.txt", "data.sequence_length=30", "training.steps=4",
      "training.batch_size=6", "training.micro_batch_size=2", "optimizer.learning_rate=1.0e-3",
      "parallel.threads=1", "checkpoint.every=2",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeGPT2(dropout: 0.1)
      try folder.makeText(characters: 2150)
      try folder.file(
        "rows.jsonl",
        (0..<60).map { "{\"text\": \"\(String(repeating: "a ship sang ", count: $0 % 5 + 1))\"}\n" }.joined())
      return folder
    }

    /// Fails if bits depend on the rank that computes a chunk, or if chunks give other losses than whole sequences.
    @Test(arguments: [
      ["model=llama"], ["model=gpt2"], ["model=llama", "method=lora", "frozen_dtype=nf4"],
      ["model=gpt2", "method=last_layers"], ["model=llama", "model_dtype=bfloat16"],
      ["model=gpt2", "method=lora", "method.dropout=0.1"],
      ["model=llama", "data.train=rows.jsonl", "data.packing_mask=document"],
      ["model=llama", "data.train=rows.jsonl", "data.packing=false"],
      ["model=llama", "training.activation_dtype=bfloat16"],
      ["model=llama", "training.activation_offload=disk"],
    ])
    func chunksGiveTheSameBitsAtEveryRankCount(_ more: [String]) throws {
      let folder = try folder()
      let settings = Self.settings + more
      let whole = try train(settings, output: "whole", in: folder)
      let one = try train(settings + ["parallel.context=2"], output: "np1", in: folder)
      for (ranks, zero) in [(2, 1), (4, 3)] {
        let run = try train(
          settings + ["parallel.context=2", "parallel.zero=\(zero)"], output: "np\(ranks)", ranks: ranks,
          in: folder)
        try expectSame(run, one, steps: 4, "\(more), \(ranks) ranks")
      }
      let tolerance = more.contains { $0.contains("bfloat16") } ? 2e-3 : 2e-5
      let (losses, theirs) = (try one.numbers("loss"), try whole.numbers("loss"))
      #expect(losses.count == 4 && theirs.count == 4)
      for (mine, other) in zip(losses, theirs) {
        #expect(abs(mine / other - 1) <= tolerance, "\(more): \(mine) and \(other)")
      }
    }

    @Test func arrangementsGiveTheSameBits() throws {
      let folder = try folder()
      let settings = Self.settings + ["model=llama", "parallel.context=4"]
      let one = try train(settings, output: "one", in: folder)
      let arrangements: [(ranks: Int, settings: [String])] = [
        (2, ["parallel.zero=0"]), (2, ["parallel.zero=2", "parallel.threads=2"]),
        (4, ["training.recompute=layer"]), (4, ["training.recompute=attention", "parallel.zero=3"]),
      ]
      for (number, arrangement) in arrangements.enumerated() {
        let run = try train(
          settings + arrangement.settings, output: "run\(number)", ranks: arrangement.ranks, in: folder)
        try expectSame(run, one, steps: 4, "\(arrangement)")
      }
    }

    @Test func aStoppedRunGoesOnWithOtherRanks() throws {
      let folder = try folder()
      let settings = Self.settings + ["model=gpt2", "parallel.context=2"]
      let whole = try train(settings, output: "whole", ranks: 2, in: folder)
      let stopped = try train(settings, output: "stopped", ranks: 4, in: folder)
      try folder.remove("stopped/checkpoints/step-000004")
      try folder.remove("stopped/model")
      let result = try Command.swiftdp(["train"] + settings + ["output=stopped"], ranks: 2, in: folder)
      try #require(result.code == 0, "\(result.err)")
      #expect(result.out.contains("resume  step 2 of 4"))
      try expectSame(stopped, whole, steps: 4, "resumed")

      // Whole sequences round otherwise, which is said.
      try folder.remove("stopped/checkpoints/step-000004")
      try folder.remove("stopped/model")
      let other = try Command.swiftdp(
        ["train"] + settings + ["output=stopped", "parallel.context=1"], in: folder)
      #expect(other.code == 0 && other.out.contains("parallel.context was 2"), "\(other.out) \(other.err)")
    }

    @Test func whatDoesNotFitIsRefused() throws {
      let folder = try folder()
      let cases: [(settings: [String], ranks: Int, words: String)] = [
        (["task=classification"], 1, "is 2, and task classification reads sequences as a whole"),
        (
          ["method=prompt_tuning"], 1,
          "is 2, and method prompt_tuning puts virtual tokens before each sequence"
        ),
        (["method=features"], 1, "is 2, and method features keeps what whole sequences give"),
        (["keep.kl_to_base=0.1"], 1, "is 2, and keep.kl_to_base asks the base about whole sequences"),
        (["training.audit=0.5"], 1, "is 2, and training.audit computes a micro-batch again"),
        (["training.neftune_noise_alpha=5"], 1, "is 2, and training.neftune_noise_alpha is drawn for whole"),
        ([], 3, "is 2, and 3 ranks make no groups of 2 (start a multiple of 2 ranks)"),
        (["parallel.context=0"], 1, "is 0, but must be from 1 to 256"),
      ]
      for (settings, ranks, words) in cases {
        let result = try Command.swiftdp(
          ["train"] + Self.settings + ["model=llama", "output=run", "parallel.context=2"] + settings,
          ranks: ranks > 1 ? ranks : nil, in: folder)
        #expect(result.code == 64, "\(settings): \(result.out) \(result.err)")
        #expect(
          result.messages.contains { $0.contains("parallel.context: " + words) }, "\(result.messages)")
      }
    }

    /// Fails if a rank waits for ever for the keys of one that is gone.
    @Test func aRankThatDiesEndsAll() throws {
      let folder = try folder()
      let run = try Command.start(
        ["train"] + Self.settings + [
          "model=llama", "output=run", "parallel.context=2", "training.steps=100000",
        ],
        ranks: 2, in: folder)
      try #require(run.until { folder.exists("run/checkpoints/step-000004") }, "the run ended early")
      kill(try #require(run.process(ofRank: 1)), SIGKILL)
      let killed = Date()
      let result = try run.wait(timeLimit: 30)
      #expect(Date().timeIntervalSince(killed) < 10 && result.code != 0)
      let message = try #require(result.messages.first)
      #expect(message.hasPrefix("rank 1 on ") && message.contains(" was killed"), "\(result.messages)")
    }
  }
}

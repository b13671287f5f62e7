// Losses and norms that are out of order: the run stops, skips the step or goes on, the same at every rank count.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct NumberTests {
    private static let settings = [
      "model=broken", "data.train=rows.jsonl", "data.packing=false", "data.sequence_length=64",
      "data.validation=0", "data.shuffle=false", "training.batch_size=4", "training.micro_batch_size=2",
      "training.steps=12", "training.validate_every=0", "optimizer.learning_rate=1.0e-3",
      "parallel.threads=1",
    ]

    /// Rows of which line 7 alone holds `~`, and an untied model whose embedding of that token is NaN.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      let config = try folder.text("llama/config.json")
      try folder.file(
        "llama/config.json",
        config.replacingOccurrences(
          of: "\"tie_word_embeddings\": true", with: "\"tie_word_embeddings\": false"))
      let rows = (1...16).map { line in
        #"{"prompt": "\#(line)\#(line == 7 ? "~" : "") and", "completion": " \#(line + 1)"}"#
      }
      try folder.file("rows.jsonl", rows.joined(separator: "\n") + "\n")
      try train(
        Self.settings + ["model=llama", "weights=random", "training.steps=1"], output: "base", in: folder)
      try folder.copy("base/model", to: "broken")
      // Tokens are bytes.
      var tensors = try Safetensors(try folder.data("broken/model.safetensors"))
      tensors.set(126 * 32, of: "model.embed_tokens.weight", to: .nan)
      try folder.file("broken/model.safetensors", tensors.file)
      return folder
    }

    @Test func stopNamesTheSample() throws {
      let folder = try folder()
      for ranks in [nil, 3] {
        let name = "stop\(ranks ?? 1)"
        let result = try Command.swiftdp(
          ["train"] + Self.settings + ["output=\(name)"], ranks: ranks, in: folder)
        #expect(result.code == 65)
        #expect(
          result.messages == [
            "\(name): the loss of step 2 is not finite, in rows.jsonl:7 "
              + "(check the model with swiftdp checkpoint verify broken, or lower the learning rate)"
          ])
        #expect(try RunOutput(folder: folder, name: name).numbers("step") == [1])
      }
    }

    /// Steps 2, 6 and 10 see line 7. A skipped step leaves everything as it was: the run is the same without these
    /// steps' updates, at any rank count, stopped and resumed anywhere.
    @Test func skipLeavesTheStepOutAtEveryRankCount() throws {
      let folder = try folder()
      let settings = Self.settings + ["training.on_spike=skip", "checkpoint.every=1", "checkpoint.keep=99"]
      let one = try train(settings, output: "np1", in: folder)
      let metrics = try one.metrics()
      #expect(metrics.count == 12)
      let skipped = metrics.filter { $0["skipped"]?.bool == true }.compactMap { $0["step"]?.integer }
      #expect(skipped == [2, 6, 10])
      #expect(try one.hash("step-000001") == one.hash("step-000002"))
      #expect(try one.hash("step-000005") == one.hash("step-000006"))
      #expect(try one.hash("step-000006") != one.hash("step-000007"))
      let state = try JSON.parse(one.text("checkpoints/step-000012/training_state.json"))
      #expect(state["skipped_steps"]?.integer == 3)
      #expect(state["gradient_norms"]?.elements?.count == 9)
      for ranks in [2, 3] {
        let run = try train(settings, output: "np\(ranks)", ranks: ranks, in: folder)
        #expect(try run.results() == one.results())
        #expect(try run.hash() == one.hash())
      }
      let text = try Command.swiftdp(["train"] + settings + ["output=again"], ranks: 2, in: folder).out
      #expect(
        text.contains(
          "note: the loss of step 6 is not finite, in rows.jsonl:7: not applied (2 so far)\n"), "\(text)")
    }

    /// A run does not train on broken weights for hours, also if it is stopped in between.
    @Test func skipGivesUpWhereNoStepIsFinite() throws {
      let folder = try folder()
      var tensors = try Safetensors(try folder.data("broken/model.safetensors"))
      tensors.set(0, of: "model.norm.weight", to: .nan)
      try folder.file("broken/model.safetensors", tensors.file)
      let settings =
        Self.settings + [
          "training.on_spike=skip", "training.steps=40", "checkpoint.every=5", "checkpoint.keep=1",
        ]
      for (ranks, name) in [(nil, "np1"), (2, "np2")] {
        let result = try Command.swiftdp(
          ["train"] + settings + ["output=\(name)"], ranks: ranks, in: folder)
        #expect(result.code == 65)
        let message = try #require(result.messages.first)
        #expect(result.messages.count == 1)
        #expect(
          message.hasPrefix(
            "\(name): the loss of step 16 is not finite, as in the 15 steps before, in all of its "),
          "\(message)")
        #expect(try RunOutput(folder: folder, name: name).numbers("step").last == 15)
        // Resumes from step 15, with the same end.
        let again = try Command.swiftdp(["train"] + settings + ["output=\(name)"], ranks: ranks, in: folder)
        func found(_ message: String) -> Substring { message.prefix { $0 != "(" } }
        #expect(again.messages.map(found) == [found(message)])
      }
    }

    @Test func continueGoesOn() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        ["train"] + Self.settings + ["training.on_spike=continue", "training.steps=3", "output=on"], ranks: 2,
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("note: the loss of step 2 is not finite, in rows.jsonl:7: applied\n"))
      // From then on nothing is finite.
      #expect(
        result.out.contains("the loss of step 3 is not finite, in all of its 4 sequences: rows.jsonl:9, "))
    }

    /// A factor so small that ordinary norms are far outside: the history decides, and survives a stop.
    @Test func farNormsAreSkippedAsBeforeAfterAResume() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings =
        RankCountTests.text + [
          "training.steps=60", "training.on_spike=skip", "training.spike_factor=1.05", "checkpoint.every=50",
          "schedule.name=constant", "optimizer.learning_rate=1.0e-2",
          "checkpoint.keep=9",
        ]
      let whole = try train(settings, output: "whole", in: folder)
      let skipped = try whole.metrics().filter { $0["skipped"]?.bool == true }.compactMap {
        $0["step"]?.integer
      }
      #expect(skipped.contains { $0 > 50 }, "\(skipped)")
      #expect(skipped.allSatisfy { $0 > 16 } && skipped.count < 44, "\(skipped)")
      let stopped = try train(settings, output: "stopped", ranks: 3, in: folder)
      try folder.remove("stopped/checkpoints/step-000060")
      let resumed = try train(settings, output: "stopped", ranks: 2, in: folder)
      #expect(try resumed.results() == whole.results())
      #expect(try resumed.hash() == whole.hash())
      #expect(try stopped.results() == whole.results())
      // By default, a large norm is reported with the lines that its largest loss comes from, and applied.
      let told = try Command.swiftdp(
        ["train"] + settings + ["training.on_spike=stop", "output=told"], ranks: 2, in: folder)
      #expect(told.code == 0, "\(told.err)")
      let pattern =
        /note: the gradient norm of step \d+ is \S+, \d+\.\d times the median of the last \d+, with the largest loss in text\.txt:\d+(-\d+)? \(\d\.\d{4}\): applied/
      #expect(told.out.contains(pattern), "\(told.out)")
      let never = try train(settings + ["training.spike_factor=0"], output: "never", in: folder)
      #expect(try never.metrics().allSatisfy { $0["skipped"] == nil })
    }
  }
}

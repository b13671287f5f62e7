// AdaLoRA as a run trains, writes and reads it: which ranks are left, and what its regularisation adds.
import Base
import Testing

extension ResultTests {
  @Suite struct RankAllocationTests {
    /// Ranks are taken away between the first and the last steps; what is left lacks them, and is read again.
    @Test func ranksAreAllocated() throws {
      let folder = try MethodTests.folder()
      let method = "method={name: adalora, init_r: 4, target_r: 1, tfinal: 2, targets: [q_proj, v_proj]}"
      let run = try train(MethodTests.text + [method], output: "run", ranks: 2, in: folder)
      let config = try JSON.parse(try run.text("model/adapter_config.json"))
      #expect(config["peft_type"]?.text == "ADALORA" && config["total_step"]?.integer == 8)
      let pattern = try #require(config["rank_pattern"]?.members)
      #expect(pattern.count == 4)
      let kept = pattern.flatMap { $0.value.elements ?? [] }.compactMap(\.bool)
      #expect(kept.count == 16 && kept.count { $0 } == 4)
      let during = try JSON.parse(try run.text("checkpoints/step-000004/adapter_config.json"))
      #expect(during["rank_pattern"]?.isNull == true)
      #expect(run.checkpoints.count == 2)
      let names = folder.names(in: "run/checkpoints/step-000004")
      for name in ["importance", "uncertainty", "pruned"] { #expect(names.contains(name + ".safetensors")) }
      // The loss at the end is that of what is left, of the checkpoint, and merged.
      let end = try #require(try run.numbers("validation_loss").last)
      let merged = try Command.swiftdp(
        ["merge", "--model", "base/model", "--adapter", "run/model", "--output", "merged"], in: folder)
      #expect(merged.code == 0, "\(merged.err)")
      let next = try train(
        MethodTests.text + ["adapter=run/model", "training.steps=4", "optimizer.learning_rate=1.0e-9"],
        output: "next", in: folder)
      #expect(abs(try #require(try next.numbers("validation_loss").last) / end - 1) < 1e-5)
      let left = try JSON.parse(try next.text("model/adapter_config.json"))["rank_pattern"]?.members
      #expect(left?.map { $0.value.encoded() } == pattern.map { $0.value.encoded() })
      var losses: [Double] = []
      for model in [
        ["base/model", "--adapter", "run/model"], ["merged"],
        ["base/model", "--adapter", "run/checkpoints/step-000008"],
        ["base/model", "--adapter", "next/checkpoints/step-000004"],
      ] {
        let result = try Command.swiftdp(
          ["evaluate", "--json", "--sequence-length", "32", "--model"] + model + ["--data", "text.txt"],
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        losses.append(try #require(try JSON.parse(result.out)["loss"]?.double))
      }
      #expect(losses.count == 4 && losses.allSatisfy { abs($0 / losses[0] - 1) < 1e-5 }, "\(losses)")
    }

    /// The regularisation is a part of a step's loss, however its batch is cut.
    @Test func theRegularisationCountsOnce() throws {
      let folder = try MethodTests.folder()
      let method = "method={name: adalora, init_r: 4, target_r: 2, orth_reg_weight: "
      let run = try train(MethodTests.text + [method + "2}"], output: "run", in: folder)
      let cut = try train(
        MethodTests.text + [method + "2}", "training.micro_batch_size=4"], output: "cut", in: folder)
      let without = try train(MethodTests.text + [method + "0}"], output: "without", in: folder)
      let (losses, others, plain) = (
        try run.numbers("loss"), try cut.numbers("loss"), try without.numbers("loss")
      )
      #expect(losses.count == 8 && zip(losses, others).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
      // ‖A Aᵀ − I‖ of small numbers is about the root of the rank, and shrinks.
      #expect(abs(losses[0] - plain[0] - 2 * 2) < 0.2)
      #expect(losses[7] - plain[7] < losses[0] - plain[0] - 0.01)
    }
  }
}

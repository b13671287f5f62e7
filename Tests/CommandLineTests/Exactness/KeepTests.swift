// Measures against forgetting: what PyTorch logs with each, the same bits in every arrangement, replay's share, mistakes.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct KeepTests {
    private static let fixtures = Project.root + "/Tests/Fixtures/keep"
    private static let model = Project.root + "/Tests/Fixtures/preferences/policy"

    private func settings(_ keep: String) -> [String] {
      [
        "model=\(Self.model)", "data.train=\(Self.fixtures)/train.jsonl", "data.validation=0",
        "data.packing=false", "data.group_by_length=false", "data.shuffle=false", "data.sequence_length=16",
        "data.check=off", "training.batch_size=4", "training.micro_batch_size=2", "training.steps=4",
        "training.validate_every=2", "optimizer.learning_rate=1.0e-2", "optimizer.beta2=0.999",
        "optimizer.weight_decay=0", "optimizer.gradient_clip=1.0e9", "schedule.name=constant",
        "schedule.warmup_steps=0", "parallel.threads=1", "checkpoint.every=2", "keep=\(keep)",
      ]
    }

    private func keep(_ case: JSON) throws -> String {
      try #require(`case`["settings"]?.members).map { member in
        let value = member.value.encoded()
        return member.key.elementsEqual("ewc".utf8)
          ? "ewc: {lambda: \(value), samples: 20, files: [\(Self.fixtures)/general.jsonl]}"
          : String(decoding: member.key, as: UTF8.self) + ": \(value)"
      }.joined(separator: ", ")
    }

    @Test func equalsPyTorch() throws {
      let cases = try #require(
        try JSON.parse(String(contentsOfFile: Self.fixtures + "/expected.json", encoding: .utf8)).members)
      #expect(cases.count == 4)
      for member in cases {
        let name = String(decoding: member.key, as: UTF8.self)
        let folder = try Workspace()
        let settings = settings("{\(try keep(member.value)), watch: [\(Self.fixtures)/general.jsonl]}")
        let one = try train(settings, output: "one", in: folder)
        let steps = try #require(member.value["steps"]?.elements)
        var compared = 0
        for key in ["loss", "grad_norm", "ewc", "l2_sp", "kl_to_base"] where steps[0][key] != nil {
          for (got, step) in zip(try one.numbers(key), steps) {
            let want = try #require(step[key]?.double)
            #expect(abs(got - want) <= 2e-5 * max(1, abs(want)), "\(name): \(key) \(got) and not \(want)")
            compared += 1
          }
        }
        #expect(compared == 4 * (steps[0].members?.count ?? 0))
        let general = try #require(try one.numbers("general_loss").last)
        let want = try #require(member.value["general_loss"]?.double)
        #expect(abs(general - want) <= 2e-5, "\(name): \(general) and not \(want)")
        #expect(try one.text("summary.json").contains("\"forgotten\""))

        for (ranks, stage) in [(2, 0), (3, 3), (4, 1)] {
          let run = try train(
            settings + ["parallel.zero=\(stage)"], output: "run\(ranks)", ranks: ranks, in: folder)
          #expect(try run.hash() == one.hash(), "\(name): \(ranks) ranks")
          #expect(try run.results() == one.results(), "\(name): \(ranks) ranks")
        }
        for gone in ["checkpoints/step-000004", "model"] { try folder.remove("run2/\(gone)") }
        let resumed = try train(settings, output: "run2", ranks: 3, in: folder)
        #expect(try resumed.hash() == one.hash(), "\(name)")
      }
    }

    /// In halves, and with an adapter, whose base below it is the teacher.
    @Test(arguments: [
      ("{l2_sp: 0.5, ewc: {lambda: 10, files: [general.jsonl]}, kl_to_base: 0.2}", ["model_dtype=bfloat16"]),
      ("{kl_to_base: 0.5}", ["method=lora", "frozen_dtype=int8"]),
    ])
    func otherStorages(_ keep: String, _ others: [String]) throws {
      let folder = try Workspace()
      let settings =
        settings(keep.replacingOccurrences(of: "general.jsonl", with: Self.fixtures + "/general.jsonl"))
        + others
      let one = try train(settings, output: "one", in: folder)
      // The first step is at the base, up to the rounding of two passes.
      let first = try #require(try one.numbers("kl_to_base").first)
      #expect(abs(first) < 1e-4)
      #expect(try one.numbers("kl_to_base").dropFirst().allSatisfy { $0 > 0 })
      let three = try train(settings + ["parallel.zero=3"], output: "three", ranks: 3, in: folder)
      #expect(try three.hash() == one.hash())
    }

    /// A share of each step's sequences is replayed; validation and epochs are those of what is learned.
    @Test func replay() throws {
      let folder = try Workspace()
      let replayed = settings("{replay: {files: [\(Self.fixtures)/general.jsonl], share: 0.25}}").filter {
        !$0.hasPrefix("training.steps") && !$0.hasPrefix("data.validation")
      }
      let one = try train(
        replayed + ["training.epochs=1", "data.validation=0.25"], output: "one", in: folder)
      // Twelve of sixteen rows are learned once, three in each step.
      #expect(try one.numbers("loss").count == 4)
      let lines = try one.text("metrics.jsonl").split(separator: "\n").map { try JSON.parse(String($0)) }
      for line in lines {
        let sources = try #require(line["sources"]?.members)
        #expect(sources.count == 2)
        #expect(line["sources"]?["replay"]?["target_tokens"]?.integer ?? 0 > 0)
      }
      let two = try train(
        replayed + ["training.epochs=1", "data.validation=0.25", "parallel.zero=3"], output: "two", ranks: 2,
        in: folder)
      #expect(try two.hash() == one.hash())
    }

    @Test(arguments: [
      ("{ewc: {lambda: 1}}", [], "keep.ewc.files: is missing"),
      ("{ewc: {files: [general.jsonl]}}", [], "keep.ewc.lambda: is missing"),
      ("{l2_sp: -1}", [], "keep.l2_sp: is -1"),
      ("{l2_sp: 1}", ["method=lora"], "method lora trains none of them"),
      ("{kl_to_base: 1}", ["task=classification"], "task classification learns others"),
      ("{watch: [nowhere.txt]}", [], "nowhere.txt"),
      ("{replay: {files: [general.jsonl], share: 1}}", [], "keep.replay.share: is 1"),
      ("{ewk: 1}", [], "did you mean keep.ewc?"),
    ])
    func mistakes(_ keep: String, _ others: [String], _ expected: String) throws {
      let folder = try Workspace()
      try folder.file(
        "general.jsonl", try String(contentsOfFile: Self.fixtures + "/general.jsonl", encoding: .utf8))
      let result = try Command.swiftdp(["train"] + settings(keep) + others + ["output=run"], in: folder)
      #expect(result.code != 0 && result.err.contains(expected), "\(result.err)")
    }
  }
}

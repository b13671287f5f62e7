// task: distil: what PyTorch logs, the same bits in every arrangement, mistakes.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct DistillationTests {
    private static let models = Project.root + "/Tests/Fixtures/preferences"

    private func settings(_ task: String) -> [String] {
      [
        "model=\(Self.models)/policy", "task=\(task)", "data.validation=0", "data.packing=false",
        "data.train=\(Project.root)/Tests/Fixtures/keep/train.jsonl", "data.group_by_length=false",
        "data.shuffle=false", "data.sequence_length=16", "data.check=off", "training.batch_size=4",
        "training.micro_batch_size=2", "training.steps=4", "optimizer.learning_rate=1.0e-2",
        "optimizer.beta2=0.999", "optimizer.weight_decay=0", "optimizer.gradient_clip=1.0e9",
        "schedule.name=constant", "schedule.warmup_steps=0", "parallel.threads=1", "checkpoint.every=2",
      ]
    }

    @Test func equalsPyTorch() throws {
      let cases = try #require(
        try JSON.parse(
          String(contentsOfFile: Project.root + "/Tests/Fixtures/distillation.json", encoding: .utf8)
        ).elements)
      #expect(cases.count == 5)
      for item in cases {
        let folder = try Workspace()
        let own = (item["settings"]?.members ?? []).map { member in
          String(decoding: member.key, as: UTF8.self) + ": " + member.value.encoded()
        }
        let settings = settings(
          "{name: distil, teacher: \(Self.models)/reference, \(own.joined(separator: ", "))}")
        let one = try train(settings, output: "one", in: folder)
        let steps = try #require(item["steps"]?.elements)
        var compared = 0
        for key in ["loss", "hard_loss", "soft_loss", "grad_norm"] {
          for (got, step) in zip(try one.numbers(key), steps) {
            let want = try #require(step[key]?.double)
            #expect(abs(got - want) <= 2e-5 * max(1, abs(want)), "\(own): \(key) \(got) and not \(want)")
            compared += 1
          }
        }
        #expect(compared == 16)
        let three = try train(settings + ["parallel.zero=3"], output: "three", ranks: 3, in: folder)
        #expect(try three.hash() == one.hash())
        #expect(try three.results() == one.results())
        for gone in ["checkpoints/step-000004", "model"] { try folder.remove("three/\(gone)") }
        let resumed = try train(settings, output: "three", ranks: 2, in: folder)
        #expect(try resumed.hash() == one.hash())
      }
    }

    /// The student learns from what it writes: the same bits in every arrangement and when a run goes on, and other ones
    /// than with the rows as they are.
    @Test func answersOfItsOwn() throws {
      let folder = try Workspace()
      let rows = (0..<16).map { row in
        "{\"prompt\": \"w\(3 + row) w\(4 + row % 5)\", \"completion\": \" w\(20 - row) w7 w9\"}\n"
      }
      try folder.file("rows.jsonl", rows.joined())
      func own(_ onPolicy: String) -> [String] {
        settings("{name: distil, teacher: \(Self.models)/reference, alpha: 1, loss: jsd\(onPolicy)}")
          .map { $0.hasPrefix("data.train=") ? "data.train=rows.jsonl" : $0 }
      }
      let written = own(", on_policy: {share: 0.75, max_new_tokens: 6, temperature: 1}")
      let one = try train(written, output: "one", in: folder)
      let plain = try train(own(""), output: "plain", in: folder)
      #expect(try one.hash() != plain.hash())
      for (ranks, stage) in [(2, 0), (4, 1), (3, 3)] {
        let run = try train(
          written + ["parallel.zero=\(stage)"], output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
        #expect(try run.results() == one.results(), "\(ranks) ranks")
      }
      for gone in ["checkpoints/step-000004", "model"] { try folder.remove("run2/\(gone)") }
      #expect(try train(written, output: "run2", ranks: 3, in: folder).hash() == one.hash())
      let text = try Command.swiftdp(
        ["train"] + settings("{name: distil, teacher: \(Self.models)/reference, on_policy: 0.5}")
          + ["output=text"], in: folder)
      #expect(text.code == 64 && text.err.contains("task.on_policy: "), "\(text.err)")
    }

    @Test(arguments: [
      ("distil", "task.teacher: is missing"),
      ("{name: distil, teacher: nowhere}", "there is no"),
      ("{name: distil, teacher: \(models)/reference, alpha: 2}", "task.alpha: is 2"),
      ("{name: distil, teacher: \(models)/reference, loss: hiden}", "is \"hiden\""),
      ("{name: distil, teacher: shipped:base}", "vocabulary of the model that is compared"),
    ])
    func mistakes(_ task: String, _ expected: String) throws {
      let folder = try Workspace()
      let result = try Command.swiftdp(["train"] + settings(task) + ["output=run"], in: folder)
      #expect(result.code != 0 && result.err.contains(expected), "\(result.err)")
    }
  }
}

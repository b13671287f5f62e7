// task: distil: what PyTorch logs, the same bits in every arrangement, mistakes.
import Base
import Foundation
import Testing

extension CommandLineTests {
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
      #expect(cases.count == 4)
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

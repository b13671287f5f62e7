// Runs on chats: losses beside PyTorch's, and the same bits at every rank count with every order of sources.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ChatRunTests {
    private static let base = Project.root + "/Sources/swiftdp/Shipped/base"
    private static let fixtures = Project.root + "/Tests/Fixtures/chat_losses"
    private static let sources =
      "data.sources=[{files: \(fixtures)/plays.jsonl, template: chatml, name: plays}, "
      + "{files: \(fixtures)/tasks.jsonl, template: zephyr, name: tasks}]"

    /// The loss of each source in the first step, with the masks of transformers.
    @Test func lossesAreThoseOfPyTorch() throws {
      let folder = try Workspace()
      let expected = try OpenFile.json(Self.fixtures + "/expected.json")
      for ranks in [1, 2] {
        let run = try train(
          [
            "model=\(Self.base)", Self.sources, "data.packing=false", "data.validation=0",
            "training.batch_size=8", "training.micro_batch_size=3", "training.steps=1", "parallel.threads=1",
          ], output: "run\(ranks)", ranks: ranks, in: folder)
        let step = try #require(run.metrics().first)
        func close(_ value: JSON?, _ reference: JSON?) -> Bool {
          guard let value = value?.double, let reference = reference?.double else { return false }
          return abs(value - reference) <= 1e-5 * abs(reference)
        }
        #expect(close(step["loss"], expected["all"]), "\(step.encoded())")
        for source in ["plays", "tasks"] {
          #expect(close(step["sources"]?[source]?["loss"], expected[source]?["loss"]), "\(step.encoded())")
          #expect(step["sources"]?[source]?["target_tokens"] == expected[source]?["target_tokens"])
        }
      }
    }

    private static let settings = [
      "model=\(base)", "data.sequence_length=128", "data.validation=0", "training.batch_size=3",
      "training.micro_batch_size=2", "training.steps=9", "checkpoint.every=4", "checkpoint.keep=9",
      "optimizer.learning_rate=1.0e-3", "parallel.threads=1",
    ]

    /// Every order, and packing, at several rank counts and after a stop within an epoch of each source.
    @Test(arguments: [
      ["data.order=sequential", "data.packing=false"], ["data.order=gradual", "data.packing=false"],
      ["data.mixing.temperature=3", "data.packing=fit"], ["data.loss=last_answer", "data.packing=true"],
    ])
    func everyOrderGivesTheSameBits(_ order: [String]) throws {
      let folder = try Workspace()
      let settings = Self.settings + order + [Self.sources]
      let one = try train(settings, output: "one", in: folder)
      for ranks in [2, 3] {
        let run = try train(settings, output: "run\(ranks)", ranks: ranks, in: folder)
        try expectSame(run, one, steps: 9, "\(order), \(ranks) ranks")
      }
      for step in ["8", "9"] { try folder.remove("run3/checkpoints/step-00000\(step)") }
      try folder.remove("run3/model")
      // The resolved recipe says the same as the settings.
      let again = try Command.swiftdp(["train", "run3/config.yaml"], ranks: 2, in: folder)
      #expect(again.code == 0, "\(again.err)")
      let hash = try Command.swiftdp(["checkpoint", "hash", "run3/checkpoints/step-000009"], in: folder)
      #expect(try hash.out.contains(one.hash()), "\(order): \(hash.out) \(hash.err)")
    }

    /// The template that chats are written by goes with the model, so that it is asked in the same form.
    @Test func theTemplateGoesWithTheModel() throws {
      let folder = try Workspace()
      _ = try train(
        [
          "model=\(Self.base)", "data.train=\(Self.fixtures)/plays.jsonl", "data.template=chatml",
          "data.validation=0", "training.steps=1",
        ], output: "run", in: folder)
      let rendered = try Command.swiftdp(
        ["data", "render", "--model", "run/model", Self.fixtures + "/plays.jsonl"], in: folder)
      #expect(
        rendered.code == 0 && rendered.out.hasPrefix("\"<|im_start|>user\\nWho is there?"), "\(rendered)")
    }

    @Test func mistakes() throws {
      let folder = try Workspace()
      let cases: [(settings: [String], code: Int32, words: String)] = [
        (["data.train=\(Self.fixtures)/plays.jsonl"], 65, "has no chat template"),
        (["data.train=\(Self.fixtures)/plays.jsonl", "data.loss=answer"], 64, "did you mean answers?"),
        (["data.train=\(Self.fixtures)/plays.jsonl", "data.order=gradual"], 64, "is for several sources"),
        (
          [
            Self.sources, "data.order=gradual",
            "data.sources=[{files: \(Self.fixtures)/plays.jsonl, epochs: 2}]",
          ],
          64, "shares follow from the step alone"
        ),
        (
          ["data.sources=[{files: \(Self.fixtures)/plays.jsonl, epochs: 1, template: chatml}]"], 64,
          "the sources end after 4 samples"
        ),
        (
          [Self.sources.replacingOccurrences(of: "name: tasks", with: "name: plays")], 64,
          "call two sources \"plays\""
        ),
      ]
      for (settings, code, words) in cases {
        let result = try Command.swiftdp(
          [
            "train", "model=\(Self.base)", "output=run", "data.validation=0", "data.packing=false",
            "training.steps=50",
          ] + settings, in: folder)
        #expect(
          result.code == code && result.err.contains(words), "\(settings): \(result.code) \(result.err)")
      }
      #expect(cases.count == 6)
    }
  }
}

// Every optimizer: one hash of weights and states at every rank count and after a resume at another one.
import Base
import Testing

extension ResultTests {
  @Suite struct OptimizerTests {
    /// An optimizer, with the state files of its checkpoints.
    static let rules: [(name: String, settings: [String], states: [String])] = [
      ("adamw", [], ["first_moment", "second_moment"]),
      ("sgd", ["optimizer.learning_rate=0.1"], []),
      (
        "sgd", ["optimizer.learning_rate=0.05", "optimizer.momentum=0.9", "optimizer.nesterov=true"],
        ["momentum"]
      ),
      ("lion", ["optimizer.learning_rate=3.0e-4"], ["momentum"]),
      ("muon", ["optimizer.learning_rate=1.0e-3"], ["first_moment", "momentum", "second_moment"]),
      (
        "schedule_free", ["optimizer.learning_rate=5.0e-3", "schedule.name=constant"],
        ["average", "point", "second_moment"]
      ),
      ("adafactor", ["optimizer.weight_decay=0.1"], ["column_moment", "row_moment", "second_moment"]),
      (
        "adamw8bit", [],
        [
          "first_moment", "first_moment_codes", "first_moment_scales", "second_moment", "second_moment_codes",
          "second_moment_scales",
        ]
      ),
    ]

    /// With width 96, the table of 257 tokens and the attention matrices are kept in 8 bits, and slices end inside
    /// them.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama(width: 96)
      try folder.makeText(characters: 2150)
      return folder
    }

    private static let settings = RankCountTests.text + ["training.steps=12", "checkpoint.every=5"]

    @Test(arguments: rules.indices) func oneHashHoweverTheRunIsArranged(_ index: Int) throws {
      let rule = Self.rules[index]
      let folder = try folder()
      let settings = Self.settings + ["optimizer.name=\(rule.name)"] + rule.settings
      let one = try train(settings, output: "np1", in: folder)
      let losses = try one.numbers("loss")
      #expect(try losses.count == 12 && #require(losses.last) < losses[0] - 0.05, "\(losses)")
      #expect(one.checkpoints == ["step-000005", "step-000010", "step-000012"])
      let files = folder.names(in: "np1/checkpoints/step-000012").filter { $0.hasSuffix(".safetensors") }
      #expect(files == (rule.states + ["model"]).sorted().map { $0 + ".safetensors" })
      let hash = try one.hash()
      #expect(try one.hash("step-000010") != hash)
      var compared = 0
      for (ranks, threads, zero) in [(2, 1, 1), (4, 1, 1), (1, 3, 1), (3, 2, 0)] {
        let run = try train(
          settings + ["parallel.threads=\(threads)", "parallel.zero=\(zero)"], output: "run\(compared)",
          ranks: ranks, in: folder)
        #expect(try run.hash() == hash, "\(ranks) ranks, \(threads) threads, ZeRO \(zero)")
        #expect(try run.results() == one.results())
        compared += 1
      }
      #expect(compared == 4)
      // From 4 ranks to 3, and from 1 to 2 that hold everything.
      for (source, ranks, zero) in [("run1", 3, 1), ("np1", 2, 0)] {
        let rest = try train(
          settings + ["checkpoint.resume=\(source)/checkpoints/step-000005", "parallel.zero=\(zero)"],
          output: "rest-\(source)", ranks: ranks, in: folder)
        #expect(try rest.hash() == hash, "resumed at \(ranks) ranks, ZeRO \(zero)")
      }
      let verified = try Command.swiftdp(
        ["checkpoint", "verify", "run1/checkpoints/step-000012"], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
    }

    @Test func anotherOptimizersCheckpointIsNotGoneOnWith() throws {
      let folder = try folder()
      try train(Self.settings + ["training.steps=5", "optimizer.name=lion"], output: "run", in: folder)
      let checkpoint = "run/checkpoints/step-000005"
      let undo = "(undo the change, or begin a new run with model: \(checkpoint) and another output)"
      try expectMistake(
        ["train"] + Self.settings + ["output=run", "optimizer.name=adafactor"], 64,
        ["\(checkpoint): optimizer.name is \"adafactor\" now and was \"lion\" in the checkpoint \(undo)"],
        in: folder)
    }

    /// Checkpoints from before there was a choice have no name; they are AdamW's.
    @Test func aCheckpointWithoutANameIsAdamWs() throws {
      let folder = try folder()
      let whole = try train(Self.settings, output: "whole", in: folder)
      try folder.removeManifest(of: "whole/checkpoints/step-000005")
      let state = "whole/checkpoints/step-000005/training_state.json"
      let name = "    \"optimizer.name\": \"adamw\",\n"
      let text = try folder.text(state)
      try #require(text.contains(name))
      try folder.file(state, text.replacingOccurrences(of: name, with: ""))
      let rest = try train(
        Self.settings + ["checkpoint.resume=whole/checkpoints/step-000005"], output: "rest",
        ranks: 2,
        in: folder)
      #expect(try rest.hash() == whole.hash())
    }

    @Test func brokenStatesAreToldOf() throws {
      let folder = try folder()
      let settings = Self.settings + ["training.steps=5", "optimizer.name=adamw8bit"]
      try train(settings, output: "run", in: folder)
      let checkpoint = "run/checkpoints/step-000005"
      let more = ["train"] + settings + ["output=run", "training.steps=6"]
      try folder.removeManifest(of: checkpoint)
      for suffix in ["", ".index.json"] {
        try folder.remove("\(checkpoint)/first_moment_codes.safetensors\(suffix)")
        try folder.copy(
          "\(checkpoint)/first_moment_scales.safetensors\(suffix)",
          to: "\(checkpoint)/first_moment_codes.safetensors\(suffix)")
      }
      // The embedding, and 14 matrices of two layers.
      let message =
        "\(checkpoint): first_moment_codes of model.embed_tokens.weight is F32 [98], not U8 [257, 96], "
        + "and 14 more are wrong (is it of another model?)"
      for arguments in [more, ["checkpoint", "verify", checkpoint]] {
        try expectMistake(arguments, 65, [message], in: folder)
      }
      // A name that could lead out of the folder is not the name of a state.
      let state = "\(checkpoint)/training_state.json"
      try folder.file(
        state, folder.text(state).replacingOccurrences(of: "first_moment_codes", with: "../codes"))
      try expectMistake(
        ["checkpoint", "inspect", checkpoint], 65,
        ["\(state): \"../codes\" is no state of adamw8bit"],
        in: folder)
    }
  }
}

// A run that was stopped resumes and ends with the same bits as an undisturbed one.
import Base
import Testing

extension CommandLineTests {
  @Suite struct ResumeTests {
    /// Step 10 lies inside the second epoch of 58 blocks: eight blocks a step.
    static let settings = RankCountTests.text + ["training.micro_batch_size=2", "checkpoint.every=10"]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    @Test func stoppedAtFourRanksGoesOnAtThree() throws {
      let folder = try folder()
      let whole = try train(Self.settings, output: "whole", ranks: 2, in: folder)
      // The state that a run leaves when it is killed after step 13: its checkpoint of step 10, and metrics from
      // beyond.
      let stopped = try train(Self.settings, output: "stopped", ranks: 4, in: folder)
      try folder.remove("stopped/checkpoints/step-000020")
      try folder.remove("stopped/model")
      try folder.file("stopped/checkpoints/step-000020.incomplete/model.safetensors", "half a file")
      let lines = try folder.text("stopped/metrics.jsonl").split(separator: "\n")
      try folder.file("stopped/metrics.jsonl", lines[..<13].joined(separator: "\n") + "\n{\"step\": 14, \"lo")

      let result = try Command.swiftdp(["train"] + Self.settings + ["output=stopped"], ranks: 3, in: folder)
      try #require(result.code == 0, "\(result.err)")
      #expect(result.out.contains("resume  step 10 of 20, from stopped/checkpoints/step-000010\n"))
      #expect(stopped.checkpoints == ["step-000010", "step-000020"])
      try expectSame(stopped, whole, steps: 20, "resumed")
      #expect(try stopped.numbers("step") == (1...20).map(Double.init))
    }

    @Test func aNewOutputGoesOnFromACheckpointFolder() throws {
      let folder = try folder()
      let whole = try train(Self.settings, output: "whole", in: folder)
      let from = "checkpoint.resume=whole/checkpoints/step-000010"
      let before = folder.snapshot("whole")
      let rest = try train(Self.settings + [from], output: "rest", ranks: 3, in: folder)
      #expect(try rest.results() == Array(try whole.results().dropFirst(10)))
      #expect(try rest.results().count == 10)
      let isSame = try rest.tensors("model") == whole.tensors("model")
      #expect(isSame)
      // From sharded states to replicated ones.
      let replicas = try train(
        Self.settings + [from, "parallel.zero=0", "parallel.threads=2"], output: "replicas", ranks: 2,
        in: folder)
      #expect(try replicas.results() == rest.results())
      #expect(folder.snapshot("whole") == before)
    }

    @Test func aRunThatIsCompleteStaysAsItIs() throws {
      let folder = try folder()
      let run = try train(Self.settings, output: "run", in: folder)
      let (results, tensors) = (try run.results(), try run.tensors("model"))
      for ranks in [nil, 3] {
        let again = try Command.swiftdp(["train"] + Self.settings + ["output=run"], ranks: ranks, in: folder)
        #expect(again.code == 0)
        #expect(again.out.contains("nothing to do: all steps are done · model in run/model\n"))
        #expect(try run.results() == results)
        let isSame = try run.tensors("model") == tensors
        #expect(isSame)
        #expect(run.checkpoints == ["step-000010", "step-000020"])
      }
    }

    @Test func anUnfinishedCheckpointIsNeverResumedFrom() throws {
      let folder = try folder()
      let run = try train(Self.settings, output: "run", in: folder)
      let results = try run.results()
      // One checkpoint was being written, and one lost the state of its run.
      try folder.copy("run/checkpoints/step-000020", to: "run/checkpoints/step-000030.incomplete")
      try folder.remove("run/checkpoints/step-000020/training_state.json")
      let again = try Command.swiftdp(["train"] + Self.settings + ["output=run"], ranks: 2, in: folder)
      #expect(again.code == 0, "\(again.err)")
      #expect(again.out.contains("resume  step 10 of 20, from run/checkpoints/step-000010\n"))
      let lacks = "run/checkpoints/step-000020/training_state.json: is missing"
      #expect(again.out.contains("note: run/checkpoints/step-000020 is passed over: \(lacks)\n"))
      #expect(run.checkpoints == ["step-000010", "step-000020"])
      #expect(try run.results() == results)

      try folder.remove("run/checkpoints/step-000020/training_state.json")
      try expectMistake(
        ["train"] + Self.settings + ["output=new", "checkpoint.resume=run/checkpoints/step-000020"], 65,
        [lacks], in: folder)
    }

    @Test func theNewestCheckpointsAreKept() throws {
      let folder = try folder()
      let settings = Self.settings + ["checkpoint.every=3", "checkpoint.keep=2", "training.steps=10"]
      let run = try train(settings, output: "run", ranks: 2, in: folder)
      #expect(run.checkpoints == ["step-000009", "step-000010"])
    }

    @Test func anotherRunIsNotGoneOnWith() throws {
      let folder = try folder()
      try folder.makeLlama("wider", width: 64)
      try folder.makeGPT2(dropout: 0)
      try folder.makeText("other.txt", characters: 2100)
      try train(Self.settings + ["training.steps=10"], output: "run", in: folder)
      let checkpoint = "run/checkpoints/step-000010"
      let undo = "(undo the change, or begin a new run with model: \(checkpoint) and another output)"
      let model = "(set model to the model of this run, or output to a new folder)"
      let cases: [([String], Int32, [String])] = [
        (
          ["training.seed=1"], 64,
          ["\(checkpoint): training.seed is 1 now and was 0 in the checkpoint \(undo)"]
        ),
        (
          ["training.batch_size=4", "data.shuffle=false"], 64,
          [
            "\(checkpoint): training.batch_size is 4 now and was 8 in the checkpoint \(undo)",
            "\(checkpoint): data.shuffle is false now and was true in the checkpoint \(undo)",
          ]
        ),
        (
          ["data.train=other.txt"], 64,
          ["\(checkpoint): the training data or its tokens are not those of the checkpoint \(undo)"]
        ),
        (
          ["model=gpt2"], 65,
          ["\(checkpoint): is of type llama, but the recipe's model is of type gpt2 \(model)"]
        ),
        (
          ["model=wider"], 65,
          [
            "\(checkpoint): is a checkpoint of another model: model.embed_tokens.weight [257, 32] against "
              + "model.embed_tokens.weight [257, 64] \(model)"
          ]
        ),
        (
          ["training.steps=9"], 64,
          [
            "\(checkpoint): is of step 10, but the run ends at step 9 "
              + "(ask for more steps, or set output to a new folder)"
          ]
        ),
        (
          ["checkpoint.resume=none"], 64,
          [
            "checkpoint.resume: is none, but \(checkpoint) is there from an earlier run "
              + "(set output to a new folder, or remove run/checkpoints)"
          ]
        ),
      ]
      for (change, code, messages) in cases {
        try expectMistake(["train"] + Self.settings + ["output=run"] + change, code, messages, in: folder)
      }
      #expect(cases.count == 7)
    }
  }
}

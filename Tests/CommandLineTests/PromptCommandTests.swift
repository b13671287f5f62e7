// swiftdp prompt: the best of several prompts, as a task file, and benchmarks and early stopping while a run trains.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct PromptCommandTests {
    /// A folder with a task of its own whose rows have one answer.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      let rows = (0..<20).map {
        #"{"question": "say \#($0)", "choices": ["yes", "no", "maybe so"], "answer": \#($0 % 2)}"#
      }
      try folder.file("rows.jsonl", rows.joined(separator: "\n") + "\n")
      try folder.file(
        "task.yaml",
        """
        task: say
        dataset_path: json
        dataset_kwargs: {data_files: {test: rows.jsonl}}
        output_type: multiple_choice
        test_split: test
        doc_to_text: "Question: {{question}}\\nAnswer:"
        doc_to_target: answer
        doc_to_choice: choices
        metric_list: [{metric: acc}, {metric: acc_norm}]
        """)
      return folder
    }

    @Test func theBestPromptIsATaskFile() throws {
      let folder = try folder()
      try folder.file(
        "prompts.yaml", "- \"Answer well.\\n\"\n- {doc_to_text: '{{question}} =', target_delimiter: ''}\n")
      let options = [
        "prompt", "--model", "shipped:base", "--task", "./task.yaml", "--prompts", "prompts.yaml", "--shots",
        "0,2",
        "--seeds", "2",
      ]
      let result = try Command.swiftdp(options + ["--output", "best.yaml"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("acc on one half of the rows, the best first:"))
      #expect(result.out.contains("on the other half, which nothing was chosen by:"))
      // Three prompts, each without examples, with two draws, by nearness and by coverage.
      #expect(result.out.split(separator: "\n").count { $0.contains("prompt ") && $0.contains("±") } >= 15)
      let again = try Command.swiftdp(options, ranks: 2, in: folder)
      #expect(again.code == 0 && again.out == result.out, "\(again.err)")
      let run = try Command.swiftdp(
        ["evaluate", "--model", "shipped:base", "--tasks", "./best.yaml", "--json"], in: folder)
      #expect(run.code == 0, "\(run.err)")
      #expect(try JSON.parse(run.out)["say"]?["acc,none"]?.double != nil)
    }

    @Test func benchmarksOfARunAreThoseOfItsCheckpoints() throws {
      let folder = try folder()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = [
        "train", "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
        "output=run",
        "training.batch_size=8", "checkpoint.every=2", "checkpoint.keep=9", "training.validate_every=2",
        "training.evaluate={tasks: [./task.yaml], every: 2, limit: 6}",
      ]
      let result = try Command.swiftdp(settings + ["training.steps=4"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let lines = try folder.text("run/metrics.jsonl").split(separator: "\n").map {
        try JSON.parse(String($0))
      }
      for step in [2, 4] {
        let line = try #require(lines.first { $0["step"]?.integer == step })
        let run = try Command.swiftdp(
          [
            "evaluate", "--model", "run/checkpoints/step-00000\(step)", "--tasks", "./task.yaml", "--limit",
            "6", "--json",
          ], in: folder)
        #expect(run.code == 0, "\(run.err)")
        let results = try JSON.parse(run.out)
        #expect(line["say.acc"]?.double != nil && line["say.acc"] == results["say"]?["acc,none"])
        #expect(line["say.acc_norm"] == results["say"]?["acc_norm,none"])
      }
      #expect(lines.first { $0["step"]?.integer == 1 }?["say.acc"] == nil)
    }

    @Test func aRunThatGetsNoBetterEndsWithItsBestWeights() throws {
      let folder = try folder()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      // So large a rate makes the loss worse after a while.
      let settings = [
        "train", "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
        "training.batch_size=8", "checkpoint.every=1", "checkpoint.keep=1", "training.validate_every=1",
        "optimizer.learning_rate=0.5", "schedule.warmup_steps=0", "schedule.name=constant",
        "training.spike_factor=0",
        "training.early_stopping={on: validation_loss, patience: 2, restore: best}", "training.steps=40",
      ]
      let result = try Command.swiftdp(settings + ["output=run"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let losses = try folder.text("run/metrics.jsonl").split(separator: "\n").compactMap {
        try JSON.parse(String($0))["validation_loss"]?.double
      }
      let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
      try #require(losses.count < 40 && losses.count == best + 3)
      let kept = folder.names(in: "run/checkpoints").filter { $0.hasPrefix("step-") }
      #expect(
        kept
          == Set([best + 1, losses.count]).sorted().map {
            "step-" + String(repeating: "0", count: 6 - "\($0)".count) + "\($0)"
          })
      let path = "run/checkpoints/\(kept[0])"
      #expect(try folder.data("run/model/model.safetensors") == folder.data(path + "/model.safetensors"))
      // The same bits where it stops and goes on.
      let first = try Command.swiftdp(settings + ["output=other", "training.steps=40"], ranks: 2, in: folder)
      #expect(first.code == 0, "\(first.err)")
      #expect(try folder.data("other/model/model.safetensors") == folder.data("run/model/model.safetensors"))
      // A run that is over stays so.
      let again = try Command.swiftdp(settings + ["output=run"], in: folder)
      #expect(again.code == 0, "\(again.err)")
      #expect(try folder.data("other/model/model.safetensors") == folder.data("run/model/model.safetensors"))
      try expectMistake(
        settings + ["output=new", "training.early_stopping={on: say.acc}"], 64,
        ["training.early_stopping.on: is \"say.acc\", and no task is run (set training.evaluate)"], in: folder
      )
    }
  }
}

// Models that answer to texts, from rows of a file: against transformers' collator, Trainer and generate.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct TextToTextTests {
    private struct Case {
      let model: String
      let rows: String
      let expected: JSON
      let task = "{name: text_to_text, source_prefix: 'to: ', max_tokens: 12}"

      init(_ name: String) throws {
        model = Project.root + "/Tests/Fixtures/text_to_text/" + name
        rows = model + "/rows.jsonl"
        expected = try JSON.parse(String(contentsOfFile: model + "/expected.json", encoding: .utf8))
      }

      func texts(_ key: String) throws -> [String] {
        try #require(expected[key]?.elements).compactMap(\.text)
      }
    }

    @Test(arguments: ["t5", "bart"]) func measuresAndAnswersAsTransformers(_ name: String) throws {
      let folder = try Workspace()
      let fixture = try Case(name)
      let measured = try Command.swiftdp(
        ["evaluate", "--json", "--model", fixture.model, "--data", fixture.rows, "task=" + fixture.task],
        ranks: 2, in: folder)
      try #require(measured.code == 0, "\(measured.err)")
      let written = try Command.swiftdp(
        [
          "evaluate", "--model", fixture.model, "--data", fixture.rows, "--output", "errors",
          "task=" + fixture.task,
        ], ranks: 2, in: folder)
      try #require(written.code == 0, "\(written.err)")
      let summary = try JSON.parse(try folder.text("errors/errors_summary.json"))
      let right = try #require(try JSON.parse(measured.out)["exact_match"]?.double) * 16
      #expect(summary["chosen"]?.text == "wrong")
      #expect(summary["errors"]?.integer == 16 - Int(right.rounded()))
      let loss = try #require(try JSON.parse(measured.out)["loss"]?.double)
      let expected = try #require(fixture.expected["loss"]?.double)
      #expect(abs(loss / expected - 1) <= 1e-5, "\(loss) for \(expected)")
      try #require(try #require(fixture.expected["gap"]?.double) > 1e-4)
      for (key, beams) in [("greedy", 1), ("beams", 3)] {
        var written: [String] = []
        for ranks in [1, 3] {
          let output = "\(key)\(ranks).jsonl"
          let task = fixture.task.replacing(
            "max_tokens", with: "beams: \(beams), length_penalty: 2, max_tokens")
          let result = try Command.swiftdp(
            [
              "predict", "--model", fixture.model, "--data", fixture.rows, "--output", output, "task=" + task,
            ],
            ranks: ranks, in: folder)
          try #require(result.code == 0, "\(result.err)")
          written.append(try folder.text(output))
        }
        #expect(written[0] == written[1])
        let answers = try written[0].split(separator: "\n").map { try JSON.parse(String($0)) }
        #expect(try answers.map { try #require($0["completion"]?.text) } == fixture.texts(key), "\(key)")
      }
      // The same texts as prompts.
      let prompts = try fixture.texts("greedy").indices.map { row in
        let lines = try String(contentsOfFile: fixture.rows, encoding: .utf8).split(separator: "\n")
        let source = try #require(try JSON.parse(String(lines[row]))["source"]?.text)
        return JSON.object(["prompt": .string("to: " + source)]).encoded() + "\n"
      }
      try folder.file("prompts.jsonl", prompts.joined())
      let generated = try Command.swiftdp(
        [
          "generate", "--model", fixture.model, "--prompts", "prompts.jsonl", "--output", "g.jsonl",
          "--beams", "3", "--length-penalty", "2.0", "--max-tokens", "12",
        ], ranks: 2, in: folder)
      try #require(generated.code == 0, "\(generated.err)")
      let completions = try folder.text("g.jsonl").split(separator: "\n").map {
        try #require(try JSON.parse(String($0))["completion"]?.text)
      }
      #expect(try completions == fixture.texts("beams"))
    }

    @Test(arguments: ["t5", "bart"]) func stepsAreThoseOfTransformers(_ name: String) throws {
      let folder = try Workspace()
      let fixture = try Case(name)
      let result = try Command.swiftdp(
        [
          "train", "model=" + fixture.model, "task=" + fixture.task, "data.train=" + fixture.rows,
          "data.validation=" + fixture.rows, "data.sequence_length=32", "data.shuffle=false",
          "training.steps=4",
          "training.batch_size=4", "training.micro_batch_size=2", "optimizer.learning_rate=1.0e-3",
          "optimizer.weight_decay=0", "optimizer.gradient_clip=0", "schedule.name=constant",
          "schedule.warmup_steps=0",
          "output=run",
        ], ranks: 2, in: folder)
      try #require(result.code == 0, "\(result.err)")
      let run = RunOutput(folder: folder, name: "run")
      let losses = try run.numbers("loss")
      let expected = try #require(fixture.expected["steps"]?.elements).compactMap(\.double)
      #expect(losses.count == 4 && expected.count == 4)
      for (loss, expected) in zip(losses, expected) {
        #expect(abs(loss / expected - 1) <= 1e-4, "\(losses) for \(expected)")
      }
      for metric in ["bleu", "chrf", "rouge_1", "rouge_2", "rouge_l", "exact_match"] {
        #expect(try !run.numbers("validation_\(metric)").isEmpty, "\(metric)")
      }
    }

    /// What the models of two streams cannot learn, and decoders that are asked for the task.
    @Test func whatMakesNoSenseIsRefused() throws {
      let folder = try Workspace()
      let fixture = try Case("t5")
      let cases = [
        (["task=language_model"], "has none (set task=text_to_text)"),
        (
          ["task=" + fixture.task, "data.packing=true"],
          "data.packing: is true, and the model answers to texts"
        ),
        (["task=question_answering"], "have no head of the kind"),
        (
          ["task=" + fixture.task, "data.shuffle=false", "data.group_by_length=true"],
          "data.group_by_length: is true, and with shuffle: false"
        ),
      ]
      for (settings, said) in cases {
        let result = try Command.swiftdp(
          ["train", "model=" + fixture.model, "data.train=" + fixture.rows, "output=run"] + settings,
          in: folder)
        #expect(result.code == 64 || result.code == 65)
        #expect(result.err.contains(said), "\(result.err)")
        #expect(!folder.exists("run"))
      }
      #expect(cases.count == 4)
    }
  }
}

// Several tasks over one trunk: the same bits at every rank count, ZeRO stage and after a stop; numbers and a model for
// each task; what is refused.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct TrunkTests {
    static let tasks =
      "tasks=[{name: classification, as: mood, labels: [negative, positive], "
      + "data: {train: reviews.tsv, columns: {text: 0, label: 1}}}, "
      + "{name: token_classification, as: words, weight: 0.5, batch_size: 3, data: {train: rows.conll}}, "
      + "{name: regression, as: score, data: {train: rows.jsonl}}]"
    static let settings = [
      "model=bert", tasks, "data.validation=0.2", "data.sequence_length=24", "training.batch_size=11",
      "training.micro_batch_size=2", "training.validate_every=6", "optimizer.learning_rate=5.0e-3",
      "parallel.threads=1", "training.steps=12", "checkpoint.every=6",
    ]

    static func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeBERT()
      try folder.makeReviews()
      let kinds = SmallTask.all
      for (name, count) in [("entities", 30), ("numbers", 40)] {
        let task = try #require(kinds.first { $0.name == name })
        try folder.file(task.file, (0..<count).map { task.row($0) + "\n" }.joined())
      }
      return folder
    }

    @Test func everyArrangementGivesTheSameBits() throws {
      let folder = try Self.folder()
      let one = try train(Self.settings, output: "one", in: folder)
      var compared = 0
      for (ranks, zero) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
        let run = try train(
          Self.settings + ["parallel.zero=\(zero)"], output: "run\(compared)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.results() == one.results(), "\(ranks) ranks, stage \(zero)")
        for part in ["model/trunk", "model/head-mood", "model/head-words", "model/head-score"] {
          #expect(
            try folder.data("run\(compared)/\(part).safetensors") == folder.data("one/\(part).safetensors"),
            "\(part) of \(ranks) ranks")
        }
        compared += 1
      }
      #expect(compared == 4)
      let half = try train(Self.settings, output: "half", ranks: 3, in: folder)
      try folder.remove("half/checkpoints/step-000012")
      try folder.remove("half/model")
      let result = try Command.swiftdp(["train", "half/config.yaml"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(try half.hash() == one.hash())
    }

    /// Each task has numbers in logs, and a model that evaluate and predict read by its name.
    @Test func numbersAndModelsOfEveryTask() throws {
      let folder = try Self.folder()
      let run = try train(Self.settings + ["training.steps=30"], output: "run", in: folder)
      for name in ["mood/loss", "mood/accuracy", "words/loss", "words/accuracy", "score/loss"] {
        #expect(try run.numbers(name).count == 30, "\(name)")
      }
      let losses = try run.numbers("loss")
      let (mood, words, score) = try (
        run.numbers("mood/loss"), run.numbers("words/loss"), run.numbers("score/loss")
      )
      for step in losses.indices {
        let sum = mood[step] + 0.5 * words[step] + score[step]
        #expect(abs(losses[step] / sum - 1) < 1e-9, "step \(step + 1)")
      }
      #expect(try run.numbers("rows").allSatisfy { $0 == 11 })
      let names = [
        "validation_mood/accuracy", "validation_words/entity_f1", "validation_score/pearson",
        "validation_words/loss",
      ]
      for name in names { #expect(try !run.numbers(name).isEmpty, "\(name)") }
      let cases = [
        (nil, "BertForSequenceClassification", ["reviews.tsv", "data.columns={text: 0, label: 1}"], "label"),
        (
          "mood", "BertForSequenceClassification", ["reviews.tsv", "data.columns={text: 0, label: 1}"],
          "label"
        ),
        ("words", "BertForTokenClassification", ["rows.conll"], "labels"),
        ("score", "BertForSequenceClassification", ["rows.jsonl"], "score"),
      ]
      var read = 0
      for (task, architecture, data, key) in cases {
        let model = task.map { "run/model/heads/\($0)" } ?? "run/model"
        let config = try JSON.parse(try folder.text(model + "/config.json"))
        #expect(config["architectures"]?.elements?.first?.text == architecture, "\(model)")
        let chosen = task.map { ["--task", $0] } ?? []
        let measured = try Command.swiftdp(
          ["evaluate", "--model", "run/model", "--json"] + chosen + ["--data"] + data, in: folder)
        #expect(measured.code == 0, "\(measured.err)")
        let output = "predicted\(read).jsonl"
        let predicted = try Command.swiftdp(
          ["predict", "--model", "run/model", "--output", output] + chosen + ["--data"] + data, in: folder)
        #expect(predicted.code == 0, "\(predicted.err)")
        let row = try JSON.parse(String(try #require(folder.text(output).split(separator: "\n").first)))
        #expect(row[key] != nil, "\(model)")
        // The same model in the folder of its task, with the files of the trunk.
        let verified = try Command.swiftdp(["checkpoint", "verify", model], in: folder)
        #expect(verified.code == 0, "\(verified.err)")
        read += 1
      }
      #expect(read == 4)
      let trunks = try ["", "/heads/mood", "/heads/words"].map {
        try FileManager.default.attributesOfItem(atPath: folder.path + "/run/model\($0)/trunk.safetensors")[
          .systemFileNumber] as? Int
      }
      #expect(trunks[0] != nil && Set(trunks).count == 1, "the trunk lies there once")
      let wrong = try Command.swiftdp(
        ["predict", "--model", "run/model", "--task", "word", "--output", "x.jsonl", "--data", "rows.conll"],
        in: folder)
      #expect(wrong.code == 64 && wrong.err.contains("did you mean words?"), "\(wrong.err)")
    }

    /// A decoder goes on to write while it learns labels; the rows of each task have a form of their own.
    @Test func aDecoderWritesAndChooses() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 3000)
      try folder.makeReviews()
      let settings = [
        "model=llama", "weights=random", "data.sequence_length=32", "data.validation=0.1",
        "training.batch_size=8",
        "training.micro_batch_size=2", "training.steps=6", "optimizer.learning_rate=3.0e-3",
        "parallel.threads=1",
        "tasks=[{name: language_model, data: {train: text.txt}}, {name: classification, as: mood, weight: 0.3, "
          + "labels: [negative, positive], data: {train: reviews.tsv, columns: {text: 0, label: 1}}}]",
      ]
      let one = try train(settings, output: "one", in: folder)
      let three = try train(settings + ["parallel.zero=2"], output: "three", ranks: 3, in: folder)
      #expect(try three.hash() == one.hash())
      #expect(try one.numbers("language_model/loss").count == 6)
      let written = try Command.swiftdp(
        ["generate", "--model", "one/model", "--prompt", "the cat", "--max-tokens", "4"], in: folder)
      #expect(written.code == 0, "\(written.err)")
      let predicted = try Command.swiftdp(
        [
          "predict", "--model", "one/model", "--task", "mood", "--output", "p.jsonl", "--data", "reviews.tsv",
          "data.columns={text: 0}",
        ],
        in: folder)
      #expect(predicted.code == 0, "\(predicted.err)")
      // A checkpoint is a model of the first task, whatever heads lie beside its own.
      let loaded = try Command.swiftdp(
        ["evaluate", "--model", "one/checkpoints/step-000006", "--data", "text.txt", "--json"], in: folder)
      #expect(loaded.code == 0, "\(loaded.err)")
    }

    @Test func mistakesAreTold() throws {
      let folder = try Self.folder()
      let base = ["model=bert", "data.validation=0.2", "training.steps=2"]
      let words = "{name: token_classification, data: {train: rows.conll}}"
      let cases: [(String, [String])] = [
        (
          "tasks=[\(words), {name: embedding, data: {train: rows.jsonl}}]",
          ["tasks[1].name: is embedding, which shares no trunk with other tasks"]
        ),
        (
          "tasks=[\(words), \(words)]",
          ["tasks[1].as: is \"token_classification\", as that of another task"]
        ),
        ("tasks=[{name: clasification, data: {train: rows.jsonl}}]", ["did you mean classification?"]),
        (
          "tasks=[{name: regression, as: a/b, weight: -1, data: {train: no.jsonl}, weigth: 1}]",
          [
            "tasks[0].as:", "tasks[0].weight: is -1.0", "there is no file no.jsonl",
            "tasks[0].weigth: is not a key",
          ]
        ),
        (
          "tasks=[{name: regression, batch_size: 33, data: {train: rows.jsonl}}]",
          ["training.batch_size: is 32"]
        ),
        ("tasks=[]", ["tasks: is an empty list"]),
        ("tasks=[{name: language_model, data: {train: rows.jsonl}}]", ["predict no next token"]),
      ]
      var seen = 0
      for (setting, messages) in cases {
        let result = try Command.swiftdp(["train", "output=out"] + base + [setting], in: folder)
        #expect(result.code == 64, "\(setting): \(result.err)")
        for message in messages { #expect(result.err.contains(message), "\(setting): \(result.err)") }
        seen += 1
      }
      #expect(seen == 7)
      let beside = try Command.swiftdp(
        ["train", "output=out"] + base + ["tasks=[\(words)]", "task=regression", "method=lora"], in: folder)
      #expect(beside.code == 64 && beside.err.contains("task: stands beside tasks"), "\(beside.err)")
      #expect(beside.err.contains("method: is lora, and tasks share a trunk"), "\(beside.err)")
    }
  }
}

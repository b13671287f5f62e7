// Labels for texts: the same bits at every rank count, ZeRO stage and after a stop, with low-rank terms too; the numbers
// that tell how well it goes; the folders that are left; what is refused.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ClassificationTests {
    static let reviews = [
      "model=bert", "task={name: classification, labels: [negative, positive]}", "data.train=reviews.tsv",
      "data.columns={text: 0, label: 1}", "data.validation=0.2", "data.sequence_length=24",
      "training.batch_size=8", "training.micro_batch_size=2", "training.validate_every=6",
      "optimizer.learning_rate=5.0e-3", "parallel.threads=1", "training.steps=12", "checkpoint.every=6",
    ]
    static let methods = [
      "method=full", "method={name: lora, dropout: 0.1}", "method={name: last_layers, layers: 1}",
    ]

    static func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeBERT()
      try folder.makeReviews()
      return folder
    }

    @Test(arguments: methods) func everyArrangementGivesTheSameBits(_ method: String) throws {
      let folder = try Self.folder()
      let one = try train(Self.reviews + [method], output: "one", in: folder)
      var compared = 0
      for (ranks, zero) in [(1, 1), (2, 0), (3, 2), (4, 3), (8, 1)] {
        let run = try train(
          Self.reviews + [method, "parallel.zero=\(zero)"], output: "run\(compared)", ranks: ranks, in: folder
        )
        #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.results() == one.results(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.tensors("model") == one.tensors("model"), "\(ranks) ranks, stage \(zero)")
        compared += 1
      }
      #expect(compared == 5)
      let half = try train(Self.reviews + [method], output: "half", ranks: 3, in: folder)
      try folder.remove("half/checkpoints/step-000012")
      try folder.remove("half/model")
      let resumed = try train(Self.reviews + [method], output: "half", ranks: 2, in: folder)
      #expect(try half.hash() == one.hash() && resumed.hash() == one.hash())
    }

    /// The numbers of a run, of `evaluate` and of `predict` are of one piece, with an adapter and merged as well.
    @Test func numbersOfEveryCommand() throws {
      let folder = try Self.folder()
      try folder.makeReviews("test.tsv", count: 37)
      let run = try train(
        Self.reviews + ["data.validation=test.tsv", "training.steps=40"], output: "run", in: folder)
      #expect(try run.numbers("accuracy").count == 40)
      #expect(try run.numbers("rows").allSatisfy { $0 == 8 })
      let accuracy = try #require(try run.numbers("validation_accuracy").last)
      let f1 = try #require(try run.numbers("validation_f1_macro").last)
      #expect(accuracy >= 0.9 && f1 >= 0.9)
      let config = try JSON.parse(try run.text("model/config.json"))
      #expect(config["architectures"]?.elements?.first?.text == "BertForSequenceClassification")
      #expect(config["id2label"]?["0"]?.text == "negative" && config["label2id"]?["positive"]?.integer == 1)
      let columns = "data.columns={text: 0, label: 1}"
      for ranks in [nil, 3] {
        let result = try Command.swiftdp(
          ["evaluate", "--json", "--model", "run/model", "--data", "test.tsv", columns], ranks: ranks,
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        let numbers = try JSON.parse(result.out)
        #expect(numbers["accuracy"]?.double == accuracy && numbers["f1_macro"]?.double == f1)
        #expect(numbers["rows"]?.integer == 37)
        let loss = try #require(numbers["loss"]?.double)
        #expect(abs(loss / (try #require(try run.numbers("validation_loss").last)) - 1) < 1e-6)
      }
      var files: [String] = []
      for (number, ranks) in [nil, 2, 3].enumerated() {
        let result = try Command.swiftdp(
          ["predict", "--model", "run/model", "--data", "test.tsv", "--output", "p\(number).jsonl", columns],
          ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        files.append(try folder.text("p\(number).jsonl"))
      }
      #expect(files[1] == files[0] && files[2] == files[0])
      let rows = try files[0].split(separator: "\n").map { try JSON.parse(String($0)) }
      let right = rows.count { $0["label"]?.text == $0["gold"]?.text }
      #expect(rows.count == 37 && Double(right) / 37 == accuracy)
      let sums = rows.map { row in (row["scores"]?.members ?? []).reduce(0) { $0 + ($1.value.double ?? .nan) }
      }
      #expect(sums.allSatisfy { abs($0 - 1) < 1e-9 })
    }

    @Test func anAdapterBringsItsHead() throws {
      let folder = try Self.folder()
      let run = try train(
        Self.reviews + ["data.validation=reviews.tsv", "method=lora", "training.steps=40"], output: "run",
        in: folder)
      let accuracy = try #require(try run.numbers("validation_accuracy").last)
      let config = try JSON.parse(try run.text("model/adapter_config.json"))
      #expect(config["task_type"]?.text == "SEQ_CLS")
      #expect(config["modules_to_save"]?.elements?.compactMap(\.text) == ["classifier"])
      let columns = "data.columns={text: 0, label: 1}"
      let merged = try Command.swiftdp(
        ["merge", "--model", "bert", "--adapter", "run/model", "--output", "merged"], in: folder)
      #expect(merged.code == 0, "\(merged.err)")
      for model in [["bert", "--adapter", "run/model"], ["merged"]] {
        let result = try Command.swiftdp(
          ["evaluate", "--json", "--model"] + model + ["--data", "reviews.tsv", columns], in: folder)
        #expect(result.code == 0, "\(result.err)")
        #expect(try JSON.parse(result.out)["accuracy"]?.double == accuracy)
      }
      #expect(try folder.text("merged/config.json").contains("positive"))
    }

    /// Labels that nobody names are those of the data, sorted; two texts have types.
    @Test func labelsOfTheDataAndTwoTexts() throws {
      let folder = try Self.folder()
      try folder.file(
        "pairs.jsonl",
        (0..<24).map { row in
          #"{"a": "a man", "b": "\#(row % 2 == 0 ? "a man" : "no one")", "same": \#(row % 2 == 0 ? 7 : 10)}"#
        }.joined(separator: "\n"))
      let settings = [
        "model=bert", "task=classification", "data.train=pairs.jsonl",
        "data.columns={text: a, text_pair: b, label: same}", "training.steps=4", "training.batch_size=6",
        "data.sequence_length=32",
        "parallel.threads=1",
      ]
      let one = try train(settings, output: "one", in: folder)
      #expect(try JSON.parse(try one.text("model/config.json"))["id2label"]?["1"]?.text == "10")
      let two = try train(settings, output: "two", ranks: 2, in: folder)
      #expect(try one.hash() == two.hash())
    }

    /// A setting of a task that the recipe names alone.
    @Test func settingsOfANameAlone() throws {
      let folder = try Self.folder()
      try folder.file("run.yaml", "task: classification\nmethod: lora\n")
      let settings = Self.reviews.filter { !$0.hasPrefix("task=") } + ["training.steps=2"]
      let result = try Command.swiftdp(
        ["train", "run.yaml", "task.labels=[negative, positive]", "method.rank=2", "output=run"] + settings,
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(try JSON.parse(folder.text("run/model/adapter_config.json"))["r"]?.integer == 2)
    }

    @Test func verifyComparesLabels() throws {
      let folder = try Self.folder()
      let result = try Command.swiftdp(
        ["verify"] + Self.reviews + ["output=verify"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("rows with padding") && result.out.contains("all agree"))
    }

    /// What the model has no rows for, or gives no labels for, would be read past the end of its tables or as
    /// probabilities.
    @Test func modelsOfAnotherKindAreRefused() throws {
      let folder = try Self.folder()
      let config = try folder.text("bert/config.json")
      try folder.file(
        "bert/config.json",
        config.replacingOccurrences(of: "\"type_vocab_size\": 2", with: "\"type_vocab_size\": 1"))
      try folder.file("pairs.tsv", "a\tb\tnegative\nc\td\tpositive\n")
      try expectMistake(
        ["train"] + Self.reviews + [
          "weights=random", "data.train=pairs.tsv", "data.validation=0",
          "data.columns={text: 0, text_pair: 1, label: 2}",
        ], 65,
        [
          "bert: rows have two texts, which the model does not tell apart (type_vocab_size is 1) "
            + "(give one text (data.columns), or take another model)"
        ], in: folder)
      let labelled = config.replacingOccurrences(of: "BertModel", with: "BertForSequenceClassification")
      try folder.file(
        "bert/config.json",
        labelled.replacingOccurrences(
          of: "{\n  \"add", with: "{\n  \"problem_type\": \"guess\",\n  \"add"))
      try expectMistake(
        ["evaluate", "--model", "bert", "--data", "reviews.tsv", "data.columns={text: 0, label: 1}"], 65,
        [
          "bert/config.json: problem_type: is \"guess\" (there are single_label_classification, "
            + "multi_label_classification, regression)"
        ], in: folder)
    }

    @Test func whatMakesNoSenseIsRefused() throws {
      let folder = try Self.folder()
      try folder.file("wrong.tsv", "a film\tpositive\nthe end\tpostive\n")
      try folder.makeText(characters: 500)
      func expect(_ settings: [String], _ code: Int32, _ lines: [String]) throws {
        try expectMistake(["train"] + Self.reviews + settings, code, lines, in: folder)
      }
      try expect(
        ["data.train=wrong.tsv"], 65,
        [
          "wrong.tsv:2: has the label \"postive\", which is not one of the 2 labels (did you mean \"positive\"?)"
        ])
      try expect(
        ["task=clasification"], 64,
        [
          "task: is \"clasification\", which is no task of swiftdp (did you mean classification?)",
          "data.columns: names what task language_model does not learn (set task=classification)",
        ])
      try expect(
        ["data.format=completion"], 64,
        ["data.format: is completion, and task classification reads classification"])
      try expectMistake(
        ["train", "model=bert", "data.train=text.txt"], 64,
        [
          "bert: models of type bert predict no next token (choose another task: they have "
            + "…ForMaskedLM, …ForSequenceClassification, …ForTokenClassification, …ForQuestionAnswering, …ForMultipleChoice)"
        ],
        in: folder)
      _ = try train(Self.reviews, output: "run", in: folder)
      try expectMistake(
        ["generate", "--model", "run/model", "--prompt", "a"], 64,
        ["run/model: is for another task, and makes no texts (swiftdp predict writes what it gives)"],
        in: folder)
      try folder.makeLlama()
      _ = try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=1",
        ],
        output: "texts", in: folder)
      try expectMistake(
        ["predict", "--model", "texts/model", "--data", "reviews.tsv", "--output", "new.jsonl"], 64,
        [
          "texts/model: is a language model, whose answers are texts "
            + "(swiftdp generate writes them, or set task=text_to_text)"
        ],
        in: folder)
      try expectMistake(
        ["evaluate", "--model", "bert", "--data", "text.txt"], 65,
        ["bert: has no head, so nothing can be predicted (fine-tune it with task=…)"], in: folder)
    }
  }
}

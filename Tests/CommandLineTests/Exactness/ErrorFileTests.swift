// swiftdp evaluate --output: each task's wrong answers, the same files at every rank count, and what is refused.
import Base
import Foundation
import Testing

/// A task with rows whose answers are wrong, which a trained model must be told to have got wrong.
private struct Planted: Sendable, CustomTestStringConvertible {
  let task: String
  let rows: [String]
  /// For each row in order, what a line about it must say.
  let expects: [@Sendable (JSON) -> Bool]
  /// The columns that hold what the row says.
  let columns: [String]

  var testDescription: String { task }
  var small: SmallTask { SmallTask.all.first { $0.name == task }! }

  static let all = [
    Planted(
      task: "several labels", rows: [#"{"text": "fun fun fun fun", "label": ["bad"]}"#],
      expects: [
        {
          $0["label"]?.text == "bad" && $0["gold"]?.bool == true && $0["predicted"]?.bool == false
            || $0["label"]?.text == "fun" && $0["gold"]?.bool == false && $0["predicted"]?.bool == true
        }
      ], columns: ["text"]),
    Planted(
      task: "weights and smoothing", rows: ["text,label", "\"fun, fun, fun, fun\",0"],
      expects: [{ $0["gold"]?.text == "0" && $0["predicted"]?.text == "1" }], columns: ["text"]),
    Planted(
      task: "numbers", rows: [#"{"text": "good good good good", "label": 50}"#],
      expects: [{ $0["gold"]?.double == 50 && $0["confidence"]?.isNull == true }], columns: ["text"]),
    Planted(
      task: "choices", rows: [#"{"context": "sad fun", "choices": ["good end", "bad end"], "label": 1}"#],
      expects: [{ $0["gold"]?.integer == 1 && $0["predicted"]?.integer == 0 }],
      columns: ["context", "choices"]),
    Planted(
      task: "entities", rows: ["sad\tO", "good\tO", "dull\tO", "", "sad\tB-UP", "dull\tI-UP", "bad\tO"],
      expects: [
        {
          $0["kind"]?.text == "extra" && $0["predicted"]?["start"]?.integer == 1
            && $0["predicted"]?["end"]?.integer == 2 && $0["predicted"]?["text"]?.text == "good"
        },
        {
          $0["kind"]?.text == "missed" && $0["gold"]?["start"]?.integer == 0
            && $0["gold"]?["end"]?.integer == 2 && $0["gold"]?["text"]?.text == "sad dull"
        },
      ], columns: ["words"]),
    Planted(
      task: "answers",
      rows: [
        #"{"question": "which", "context": "sad good end fine", "answers": {"text": ["fine"], "answer_start": [13]}}"#
      ],
      expects: [
        {
          $0["gold"] == .array([.string("fine")]) && ($0["f1"]?.double ?? 1) < 1
            && $0["exact"]?.bool == false
        }
      ], columns: ["question", "context"]),
    Planted(
      task: "pairs", rows: [#"{"anchor": "sad good dull", "positive": "fun fun fun"}"#],
      expects: [
        {
          guard let rank = $0["rank"]?.integer, let before = $0["before"]?.elements else { return false }
          return rank > 1 && before.count == min(rank - 1, 10) && $0["gold"]?.text == "fun fun fun"
            && before[0]["text"] == $0["predicted"]
        }
      ], columns: ["anchor", "positive"]),
  ]
}

extension CommandLineTests {
  @Suite struct ErrorFileTests {
    private static let names = ["errors.jsonl", "errors_summary.json", "evaluation.json"]

    private func evaluate(
      _ options: [String], to output: String, ranks: Int? = nil, in folder: Workspace
    ) throws -> CommandResult {
      let result = try Command.swiftdp(
        ["evaluate", "--json", "--output", output] + options, ranks: ranks, in: folder)
      try #require(result.code == 0, "\(result.err)")
      #expect(folder.names(in: output) == Self.names)
      return result
    }

    private func lines(_ output: String, in folder: Workspace) throws -> [JSON] {
      try folder.text(output + "/errors.jsonl").split(separator: "\n").map { try JSON.parse(String($0)) }
    }

    /// Expects equal files at 1, 2 and 3 ranks, and at another batch size all but the last digits.
    private func expectSameFiles(_ options: [String], in folder: Workspace) throws -> [JSON] {
      let one = try evaluate(options, to: "errors/1", in: folder)
      #expect(try JSON.parse(folder.text("errors/1/evaluation.json")) == JSON.parse(one.out))
      for ranks in [2, 3] {
        let other = try evaluate(options, to: "errors/\(ranks)", ranks: ranks, in: folder)
        #expect(other.out == one.out)
        for name in Self.names {
          #expect(
            try folder.data("errors/\(ranks)/\(name)") == folder.data("errors/1/\(name)"), "\(ranks) ranks")
        }
      }
      _ = try evaluate(options + ["--batch-size", "7"], to: "errors/batch", in: folder)
      let lines = try lines("errors/1", in: folder)
      let others = try self.lines("errors/batch", in: folder)
      func key(_ line: JSON) -> String {
        ["source", "gold", "predicted", "label"].map { line[$0]?.encoded() ?? "" }.joined(separator: " ")
      }
      func sorted(_ lines: [JSON]) -> [JSON] { lines.sorted { key($0) < key($1) } }
      #expect(lines.count == others.count)
      for (line, other) in zip(sorted(lines), sorted(others)) {
        for name in ["confidence", "loss"] {
          let (a, b) = (line[name]?.double ?? 0, other[name]?.double ?? 0)
          #expect(abs(a - b) <= 1e-5 * max(1, abs(a)), "\(name) of \(line.encoded())")
        }
      }
      let order = lines.map { $0["confidence"]?.double ?? $0["loss"]?.double ?? .nan }
      #expect(zip(order, order.dropFirst()).allSatisfy { $0 >= $1 } && order.allSatisfy { !$0.isNaN })
      return lines
    }

    @Test(arguments: Planted.all) fileprivate func plantedRowsAreFound(_ planted: Planted) throws {
      let folder = try Workspace()
      try folder.makeBERT(dropout: 0)
      let task = planted.small
      try train(try task.settings(in: folder) + ["training.steps=60"], output: "run", in: folder)
      let file = "planted." + task.file.split(separator: ".")[1]
      try folder.file(file, planted.rows.joined(separator: "\n") + "\n")
      var options = ["--model", "run/model", "--sequence-length", "32", "--data", task.file, file]
      if task.name == "pairs" { options += ["--train", task.file] }
      let lines = try expectSameFiles(options, in: folder)

      var numbers = planted.rows.indices.map { $0 + 1 }
      if file.hasSuffix(".csv") { numbers = [2] }
      if file.hasSuffix(".conll") { numbers = [1, 5] }
      #expect(numbers.count == planted.expects.count)
      for (number, expects) in zip(numbers, planted.expects) {
        let own = lines.filter { $0["file"]?.text == file && $0["line"]?.integer == number }
        #expect(own.contains(where: expects), "\(lines.map { $0.encoded() })")
        #expect(own.allSatisfy { $0["source"]?.text == "\(file):\(number)" })
      }
      for name in planted.columns { #expect(lines.allSatisfy { $0[name] != nil }, "\(name)") }
      if task.name == "numbers" {
        #expect(lines.count == 5 && lines[0]["file"]?.text == file)
        #expect(lines[0]["text"]?.text == "good good good good")
      }
      if task.name == "pairs" { try expectNeighbours(lines) }

      let summary = try JSON.parse(folder.text("errors/1/errors_summary.json"))
      let wrong = Set(lines.compactMap { $0["source"]?.text })
      #expect(summary["errors"]?.integer == lines.count && summary["wrong_rows"]?.integer == wrong.count)
      let rows = 48 + planted.expects.count
      for part in ["by_length", "by_source"] {
        let shares = try #require(summary[part]?.elements)
        #expect(shares.reduce(0) { $0 + ($1["rows"]?.integer ?? 0) } == rows, "\(part)")
        #expect(shares.reduce(0) { $0 + ($1["wrong_rows"]?.integer ?? 0) } == wrong.count, "\(part)")
      }
      #expect(summary["by_source"]?.elements?.last?["wrong_rows"]?.integer == planted.expects.count)
      let classes = try #require(summary["by_class"]?.elements)
      let hasClasses = !["numbers", "pairs"].contains(task.name)
      #expect(classes.reduce(0) { $0 + ($1["errors"]?.integer ?? 0) } == (hasClasses ? lines.count : 0))
      if ["label"] == task.predicts.prefix(1) { try expectThoseOfPredict(lines, task, file, in: folder) }
    }

    private func expectNeighbours(_ lines: [JSON]) throws {
      for line in lines {
        let nearest = try #require(line["nearest"]?.elements)
        let scores = nearest.compactMap { $0["score"]?.double }
        #expect(scores.count == 3 && scores == scores.sorted(by: >))
        // Its own row stands in the training file too.
        guard line["file"]?.text == "rows.jsonl" else { continue }
        #expect(abs(scores[0] - 1) < 1e-4)
        #expect(nearest.contains { $0["text"] == line["anchor"] })
      }
    }

    /// The rows are those in which what `predict` writes differs from the label.
    private func expectThoseOfPredict(
      _ lines: [JSON], _ task: SmallTask, _ file: String, in folder: Workspace
    ) throws {
      var wrong: Set<String> = []
      for name in [task.file, file] {
        let result = try Command.swiftdp(
          [
            "predict", "--model", "run/model", "--data", name, "--sequence-length", "32", "--output",
            "p-\(name).jsonl",
          ], in: folder)
        try #require(result.code == 0, "\(result.err)")
        for (row, text) in try folder.text("p-\(name).jsonl").split(separator: "\n").enumerated() {
          let json = try JSON.parse(String(text))
          let (gold, label) = (try #require(json["gold"]), try #require(json["label"]))
          let line = row + (name.hasSuffix(".csv") ? 2 : 1)
          if gold != label { wrong.insert("\(name):\(line)") }
        }
      }
      #expect(Set(lines.compactMap { $0["source"]?.text }) == wrong)
      #expect(lines.count == wrong.count)
    }

    @Test func rowsThatALanguageModelDoesNotExpect() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.file(
        "rows.jsonl", (0..<40).map { "{\"text\": \"the cat saw ship \($0 % 4)\"}" }.joined(separator: "\n"))
      try train(
        [
          "model=llama", "weights=random", "data.train=rows.jsonl", "data.validation=0",
          "data.sequence_length=32", "training.steps=40", "optimizer.learning_rate=1.0e-2",
        ], output: "run", in: folder)
      try folder.file("planted.jsonl", "{\"text\": \"XQ#7 ~~ JJ\"}\n")
      let options = [
        "--model", "run/model", "--sequence-length", "32", "--data", "rows.jsonl", "planted.jsonl",
      ]
      var found: [Double] = []
      // The row is found in a block that it shares, and alone.
      for packing in [[], ["--no-packing"]] {
        let lines = try expectSameFiles(options + packing, in: folder)
        #expect(lines.count == 5)
        #expect(lines[0]["source"]?.text == "planted.jsonl:1" && lines[0]["text"]?.text == "XQ#7 ~~ JJ")
        #expect(lines[0]["gold"]?.isNull == true && lines[0]["confidence"]?.isNull == true)
        found.append(try #require(lines[0]["loss"]?.double))
        for name in Self.names {
          for run in ["1", "2", "3", "batch"] { try folder.remove("errors/\(run)/\(name)") }
        }
      }
      // Alone, its loss is what evaluate gives for it.
      try folder.file("alone.jsonl", "{\"text\": \"XQ#7 ~~ JJ\"}\n")
      let alone = try evaluate(
        ["--model", "run/model", "--no-packing", "--data", "alone.jsonl"], to: "alone", in: folder)
      let loss = try #require(try JSON.parse(alone.out)["loss"]?.double)
      #expect(abs(found[1] - loss) < 1e-5, "\(found) for \(loss)")
      // A text has no rows, and is told by the part that stands in one sequence.
      try folder.file("text.txt", String(repeating: "the cat saw ship 1 ", count: 20) + "XQ#7 ~~ JJ")
      _ = try evaluate(
        ["--model", "run/model", "--sequence-length", "32", "--data", "text.txt"], to: "text", in: folder)
      try folder.copy("text.txt", to: "copy.txt")
      _ = try evaluate(
        [
          "--model", "run/model", "--sequence-length", "32", "--no-packing", "--data", "text.txt", "copy.txt",
        ],
        to: "texts", in: folder)
      // 390 letters and an end: the last of 13 parts begins at token 384 of each file.
      let last = try lines("texts", in: folder).filter { $0["text"]?.text?.hasSuffix("~~ JJ") == true }
      #expect(last.compactMap { $0["first_token"]?.integer } == [384, 384])
      let line = try #require(try lines("text", in: folder).first)
      #expect(line["line"]?.isNull == true && line["source"]?.text == "text.txt")
      #expect(
        line["text"]?.text.map { "the cat saw ship 1 the cat saw ship 1 XQ#7 ~~ JJ".hasSuffix($0) } == true)
    }

    @Test func hiddenWords() throws {
      let folder = try Workspace()
      try folder.makeBERT(dropout: 0)
      try folder.addMask(to: "bert")
      try folder.file(
        "rows.jsonl", (0..<40).map { _ in "{\"text\": \"good good good good\"}" }.joined(separator: "\n"))
      try train(
        [
          "model=bert", "task=masked_language_model", "data.train=rows.jsonl", "data.validation=0",
          "data.packing=false", "data.sequence_length=32", "training.steps=40",
          "training.batch_size=16", "optimizer.learning_rate=5.0e-3",
        ], output: "run", in: folder)
      try folder.file("planted.jsonl", "{\"text\": \"xyz zyx wvu qqq\"}\n")
      let lines = try expectSameFiles(
        ["--model", "run/model", "--no-packing", "--data", "rows.jsonl", "planted.jsonl"], in: folder)
      #expect(lines.count == 5 && lines[0]["source"]?.text == "planted.jsonl:1")
      #expect((lines[0]["target_tokens"]?.integer ?? 0) > 0)
    }

    @Test func whatIsRefused() throws {
      let folder = try Workspace()
      try folder.makeBERT(dropout: 0)
      try folder.makeReviews(count: 12)
      let columns = "data.columns={text: 0, label: 1}"
      try train(
        [
          "model=bert", "task=classification", "data.train=reviews.tsv", columns, "data.validation=0",
          "data.sequence_length=32", "training.steps=1",
        ], output: "run", in: folder)
      try folder.file("out/errors.jsonl", "kept")
      try folder.file("a-file", "kept")
      let exists = "--output: out/errors.jsonl exists already (give another name, or remove it)"
      let evaluate = ["evaluate", "--model", "run/model", "--data"]
      try expectMistake(evaluate + ["reviews.tsv", columns, "--output", "out"], 64, [exists], in: folder)
      // With everything else that can be found before the model is loaded.
      try expectMistake(
        evaluate + ["none.tsv", columns, "--output", "out", "--train", "reviews.tsv"], 64,
        [
          exists, "--data: there is no file none.tsv (this folder holds reviews.tsv)",
          "--train: is for embedding models, and the model's task is classification (leave it out)",
        ], in: folder)
      try expectMistake(
        evaluate + ["reviews.tsv", columns, "--train", "reviews.tsv"], 64,
        ["--train goes together with --output (see swiftdp evaluate --help)"], in: folder)
      let under = try Command.swiftdp(
        evaluate + ["reviews.tsv", columns, "--output", "a-file/deep/out"], in: folder)
      #expect(under.code != 0 && under.messages.count == 1 && under.out.isEmpty, "\(under.err)")
      #expect(try folder.text("out/errors.jsonl") == "kept")
    }
  }
}

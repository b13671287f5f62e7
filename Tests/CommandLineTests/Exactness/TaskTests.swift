// Every task: the same bits at every rank count, ZeRO stage and after a stop; numbers of the kind that its metrics have;
// predictions that say the same at every rank count.
import Base
import Foundation
import Testing

/// A task on a tiny encoder, with data that it can learn.
struct SmallTask: Sendable, CustomTestStringConvertible {
  let name: String
  let settings: String
  let file: String
  /// The rows of the file, by their numbers.
  let row: @Sendable (Int) -> String
  /// The number that tells how well it goes, and what it must reach; below where less is better.
  let metric: String
  let reaches: Double
  /// What `predict` writes.
  let predicts: [String]
  /// One for all tasks unless a task has other ones to be tried with.
  var microBatches = [2]

  var testDescription: String { name }

  private static let words = ["sad", "good", "dull", "fine", "bad", "fun"]
  private static func words(_ row: Int, _ count: Int = 4) -> [String] {
    (0..<count).map { words[(row * 7 + $0 * $0 * 3 + row * row % 5) % 6] }
  }

  static let all = [
    SmallTask(
      name: "several labels", settings: "{name: classification, multi_label: true, labels: [bad, fun]}",
      file: "rows.jsonl",
      row: { row in
        let words = words(row)
        let labels = ["bad", "fun"].filter(words.contains).map { "\"\($0)\"" }.joined(separator: ", ")
        return #"{"text": "\#(words.joined(separator: " "))", "label": [\#(labels)]}"#
      }, metric: "f1_micro", reaches: 0.8, predicts: ["labels", "scores"]),
    SmallTask(
      name: "weights and smoothing",
      settings:
        "{name: classification, label_smoothing: 0.1, class_weights: {\"0\": 2.0}, labels: [\"0\", \"1\"]}",
      file: "rows.csv",
      row: { row in
        let words = words(row)
        return (row == 0 ? "text,label\n" : "")
          + "\"\(words.joined(separator: ", "))\",\(words[0] < "f" ? 0 : 1)"
      }, metric: "accuracy", reaches: 0.8, predicts: ["label", "scores"]),
    SmallTask(
      name: "numbers", settings: "regression", file: "rows.jsonl",
      row: { row in
        let words = words(row)
        let number = Double(words.count { $0 == "good" }) - 0.5 * Double(words.count { $0 == "bad" })
        return #"{"text": "\#(words.joined(separator: " "))", "label": \#(number)}"#
      }, metric: "pearson", reaches: 0.7, predicts: ["score"]),
    SmallTask(
      name: "choices", settings: "multiple_choice", file: "rows.jsonl",
      row: { row in
        let count = 2 + row % 3
        let choices = (0..<count).map { "\"\($0 == row % count ? "good" : "bad") end\"" }.joined(
          separator: ", ")
        return
          #"{"context": "\#(words(row, 2).joined(separator: " "))", "choices": [\#(choices)], "label": \#(row % count)}"#
      }, metric: "accuracy", reaches: 0.9, predicts: ["label", "scores"]),
    SmallTask(
      name: "entities", settings: "token_classification", file: "rows.conll",
      row: { row in
        words(row).map { "\($0)\t\(["good": "B-UP", "fun": "I-UP"][$0] ?? "O")" }.joined(separator: "\n")
          + "\n\t"
      }, metric: "entity_f1", reaches: 0.7, predicts: ["labels"]),
    SmallTask(
      name: "answers", settings: "{name: question_answering, stride: 4}", file: "rows.jsonl",
      row: { row in
        let words =
          ["sad", "dull", "sad"][..<(row % 3 + 1)] + ["good", "fun"][row % 2...row % 2] + ["end", "fine"]
        let context = words.joined(separator: " ")
        let answer = words[row % 3 + 1]
        let start = context.range(of: answer)!.lowerBound.utf16Offset(in: context)
        return
          #"{"question": "which", "context": "\#(context)", "answers": {"text": ["\#(answer)"], "answer_start": [\#(start)]}}"#
      }, metric: "exact_match", reaches: 60, predicts: ["text", "start", "end", "score"]),
    SmallTask(
      name: "pairs", settings: "{name: embedding, scale: 20, pooling: mean, similarity: cosine}",
      file: "rows.jsonl",
      row: { row in
        let words = words(row, 3)
        return
          #"{"anchor": "\#(words.joined(separator: " "))", "positive": "\#(words.reversed().joined(separator: " "))"}"#
      }, metric: "recall_at_10", reaches: 0.5, predicts: ["embedding"], microBatches: [4, 16]),
  ]

  /// The settings of a run, but for its steps.
  func settings(in folder: Workspace, count: Int = 48) throws -> [String] {
    try folder.file(file, (0..<count).map(row).joined(separator: "\n") + "\n")
    return [
      "model=bert", "task=\(settings)", "data.train=\(file)", "data.validation=\(file)",
      "data.sequence_length=32",
      "training.batch_size=16", "training.micro_batch_size=\(microBatches[0])",
      "optimizer.learning_rate=3.0e-3",
      "parallel.threads=1",
    ]
  }
}

extension ResultTests {
  @Suite struct TaskTests {
    @Test(arguments: SmallTask.all) func everyArrangementGivesTheSameBits(_ task: SmallTask) throws {
      let folder = try Workspace()
      try folder.makeBERT()
      let settings =
        try task.settings(in: folder) + [
          "training.steps=6", "training.validate_every=3", "checkpoint.every=3",
        ]
      let one = try train(settings, output: "one", in: folder)
      var compared = 0
      for (ranks, zero) in [(2, 0), (3, 2), (4, 3)] {
        for size in task.microBatches {
          let run = try train(
            settings + ["parallel.zero=\(zero)", "training.micro_batch_size=\(size)"],
            output: "run\(compared)",
            ranks: ranks, in: folder)
          #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero), micro-batches of \(size)")
          #expect(try run.results() == one.results(), "\(ranks) ranks, stage \(zero)")
          compared += 1
        }
      }
      #expect(compared == 3 * task.microBatches.count)
      try folder.remove("run0/checkpoints/step-000006")
      try folder.remove("run0/model")
      let resumed = try train(settings, output: "run0", in: folder)
      #expect(try resumed.hash() == one.hash())
    }

    @Test(arguments: SmallTask.all) func learnsAndPredicts(_ task: SmallTask) throws {
      let folder = try Workspace()
      try folder.makeBERT(dropout: 0)
      let settings = try task.settings(in: folder) + ["training.steps=60", "training.validate_every=30"]
      let run = try train(settings, output: "run", ranks: 2, in: folder)
      let reached = try #require(try run.numbers("validation_\(task.metric)").last)
      #expect(reached >= task.reaches, "\(task.metric) is \(reached)")
      let result = try Command.swiftdp(
        ["evaluate", "--json", "--model", "run/model", "--data", task.file, "--sequence-length", "32"],
        ranks: 3,
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      let again = try #require(try JSON.parse(result.out)[task.metric]?.double)
      #expect(abs(again - reached) <= 1e-6 * max(1, abs(reached)), "\(again) for \(reached)")
      var written: [String] = []
      for (number, ranks) in [nil, 3].enumerated() {
        let result = try Command.swiftdp(
          [
            "predict", "--model", "run/model", "--data", task.file, "--sequence-length", "32", "--output",
            "p\(number).jsonl",
          ], ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        written.append(try folder.text("p\(number).jsonl"))
      }
      #expect(written[0] == written[1])
      let rows = try written[0].split(separator: "\n").map { try JSON.parse(String($0)) }
      #expect(rows.count == 48)
      for key in task.predicts { #expect(rows.allSatisfy { $0[key] != nil }, "\(key)") }
    }
  }
}

// evaluate and predict with several adapters of one base, of which each row names its own: the numbers and lines of each
// adapter alone, at any number of ranks; what is refused.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct SeveralAdapterTests {
    /// A BERT with adapters of one task, one of other labels, and the texts of some reviews.
    private func folder() throws -> (Workspace, rows: [(text: String, label: String)]) {
      let folder = try ClassificationTests.folder()
      let settings = ClassificationTests.reviews + ["training.steps=20"]
      for method in ["lora", "ia3"] {
        try train(
          settings + ["method=\(method)", "optimizer.learning_rate=2.0e-2"], output: method, in: folder)
      }
      let rows = try folder.text("reviews.tsv").split(separator: "\n").map { line in
        let parts = line.split(separator: "\t")
        return (text: String(parts[0]), label: String(parts[1]))
      }
      let sizes = rows.map { "\($0.text)\t\($0.text.utf8.count % 2 == 0 ? "even" : "odd")" }
      try folder.file("sizes.tsv", sizes.joined(separator: "\n") + "\n")
      let others = settings.filter { !$0.hasPrefix("task=") && !$0.hasPrefix("data.train=") }
      try train(
        others + ["task={name: classification, labels: [even, odd]}", "data.train=sizes.tsv", "method=lora"],
        output: "size", in: folder)
      return (folder, Array(rows.prefix(21)))
    }

    private func line(_ text: String, _ label: String, _ adapter: String?) -> String {
      #"{"text": "\#(text)", "label": "\#(label)", "adapter": \#(adapter.map { "\"\($0)\"" } ?? "null")}"#
    }

    private func adapters(_ names: [String]) -> [String] {
      names.flatMap { ["--adapter", "\($0)=\($0)/model"] }
    }

    private func evaluated(
      _ options: [String], ranks: Int? = nil, in folder: Workspace
    ) throws -> JSON {
      let result = try Command.swiftdp(["evaluate", "--json"] + options, ranks: ranks, in: folder)
      #expect(result.code == 0, "\(result.err)")
      return try JSON.parse(result.out)
    }

    @Test func classifiersOfOneBase() throws {
      let (folder, rows) = try folder()
      let names = ["lora", "ia3"]
      let lines = rows.enumerated().map { line($1.text, $1.label, names[$0 * $0 % 5 % 2]) }
      try folder.file("rows.jsonl", lines.joined(separator: "\n") + "\n")
      let given = ["--model", "bert", "--data", "rows.jsonl"]
      func predicted(_ options: [String], _ name: String, ranks: Int? = nil) throws -> [JSON] {
        let result = try Command.swiftdp(
          ["predict", "--output", name] + given + options, ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        return try folder.text(name).split(separator: "\n").map { try JSON.parse(String($0)) }
      }
      let all = try predicted(adapters(names), "all.jsonl")
      _ = try predicted(adapters(names), "three.jsonl", ranks: 3)
      #expect(try folder.text("three.jsonl") == folder.text("all.jsonl"))
      var alone: [String: [JSON]] = [:]
      for name in names { alone[name] = try predicted(["--adapter", "\(name)/model"], "\(name).jsonl") }
      var compared = 0
      for (row, found) in all.enumerated() {
        let name = try #require(found["adapter"]?.text)
        let want = try #require(alone[name])[row]
        #expect(found["label"]?.text == want["label"]?.text && found["gold"]?.text == rows[row].label)
        let (score, other) = (found["scores"]?["positive"]?.double, want["scores"]?["positive"]?.double)
        #expect(abs((score ?? .nan) - (other ?? .nan)) < 1e-5)
        compared += 1
      }
      #expect(compared == 21)
      let scores = names.map { alone[$0]?.compactMap { $0["scores"]?["positive"]?.double } }
      #expect(scores[0] != scores[1])

      let whole = try evaluated(given + adapters(names), in: folder)
      #expect(try evaluated(given + adapters(names), ranks: 2, in: folder) == whole)
      let parts = try #require(whole["adapters"]?.elements)
      #expect(parts.map { $0["adapter"]?.text } == names)
      for (name, part) in zip(names, parts) {
        let own = lines.filter { $0.contains("\"\(name)\"") }
        try folder.file("own.jsonl", own.joined(separator: "\n"))
        let want = try evaluated(
          ["--model", "bert", "--data", "own.jsonl", "--adapter", "\(name)/model"], in: folder)
        for (key, value) in try #require(want.members).map({
          (String(decoding: $0.key, as: UTF8.self), $0.value)
        }) {
          #expect(part[key] == value, "\(name): \(key)")
        }
        #expect(part["rows"]?.integer == own.count && own.count >= 5)
      }
      for key in ["loss", "accuracy"] {
        let sum = parts.reduce(0.0) { $0 + ($1[key]?.double ?? .nan) * Double($1["rows"]?.integer ?? 0) }
        #expect(abs(sum / 21 - (whole[key]?.double ?? .nan)) < 1e-9, "\(key)")
      }
      #expect(whole["rows"]?.integer == 21 && whole["f1_macro"]?.double != nil)
      let words = try Command.swiftdp(["evaluate"] + given + adapters(names), in: folder)
      let told = words.out.split(separator: "\n")
      #expect(told.count == 3 && told[1].hasPrefix("adapter lora  tokens "), "\(words.out)")
    }

    /// Adapters of other labels have no numbers together; a row that its adapter cannot read is refused.
    @Test func adaptersOfOtherLabels() throws {
      let (folder, rows) = try folder()
      var lines = rows.prefix(6).enumerated().map { row, review in
        row % 2 == 0 ? line(review.text, review.label, "lora") : line(review.text, "odd", "size")
      }
      try folder.file("rows.jsonl", lines.joined(separator: "\n"))
      let given = ["--model", "bert", "--data", "rows.jsonl"] + adapters(["lora", "size"])
      let numbers = try evaluated(given, in: folder)
      #expect(numbers["loss"] == nil && numbers["adapters"]?.elements?.count == 2)
      let predict = try Command.swiftdp(["predict", "--output", "all.jsonl"] + given, in: folder)
      #expect(predict.code == 0, "\(predict.err)")
      let labels = try folder.text("all.jsonl").split(separator: "\n").compactMap {
        try JSON.parse(String($0))["label"]?.text
      }
      #expect(labels.count == 6)
      for (row, label) in labels.enumerated() {
        #expect((row % 2 == 0 ? ["negative", "positive"] : ["even", "odd"]).contains(label))
      }
      func expect(_ options: [String], _ code: Int32, _ words: String...) throws {
        let result = try Command.swiftdp(options + given, in: folder)
        #expect(result.code == code, "\(result.err)")
        for word in words { #expect(result.err.contains(word), "\(result.err)") }
      }
      try expect(["evaluate", "--output", "errors"], 64, "--output: is for one task")
      lines[1] = line(rows[1].text, "positive", "size")
      try folder.file("rows.jsonl", lines.joined(separator: "\n"))
      try expect(["evaluate"], 65, "rows.jsonl:2: ", #""positive""#, #"for the adapter "size""#)
      lines[1] = line(rows[1].text, "odd", "sizes")
      try folder.file("rows.jsonl", lines.joined(separator: "\n"))
      try expect(["evaluate"], 65, #"rows.jsonl:2: names the adapter "sizes" (did you mean size?)"#)
      lines[1] = line(rows[1].text, "odd", nil)
      try folder.file("rows.jsonl", lines.joined(separator: "\n"))
      try expect(["predict", "--output", "no.jsonl"], 65, "bert: has no head")
      #expect(!folder.exists("no.jsonl"))
    }

    /// Rows without an adapter are for the base.
    @Test func languageModelsOfOneBase() throws {
      let folder = try MethodTests.folder()
      try train(MethodTests.text + ["method=lora"], output: "lora", in: folder)
      let lines = (0..<8).map { row in
        #"{"text": "the cat saw \#(row) men and sang"\#(row % 3 == 0 ? #", "adapter": "lora""# : "")}"#
      }
      try folder.file("rows.jsonl", lines.joined(separator: "\n"))
      let model = ["--model", "base/model", "--no-packing", "--sequence-length", "32", "--data"]
      let two = ["--adapter", "lora=lora/model", "--adapter", "other=lora/model"]
      let whole = try evaluated(model + ["rows.jsonl"] + two, ranks: 2, in: folder)
      let parts = try #require(whole["adapters"]?.elements)
      #expect(parts.map { $0["adapter"]?.text } == [nil, "lora"])
      for (part, adapter) in zip(parts, [[], ["--adapter", "lora/model"]]) {
        let own = lines.filter { $0.contains("lora") != adapter.isEmpty }
        try folder.file("own.jsonl", own.joined(separator: "\n"))
        let want = try evaluated(model + ["own.jsonl"] + adapter, in: folder)
        #expect(part["loss"] == want["loss"] && part["target_tokens"] == want["target_tokens"])
        #expect(part["loss"]?.double != nil)
      }
      let sum = parts.reduce(0.0) {
        $0 + ($1["loss"]?.double ?? .nan) * Double($1["target_tokens"]?.integer ?? 0)
      }
      let mean = sum / Double(try #require(whole["target_tokens"]?.integer))
      #expect(abs(mean - (whole["loss"]?.double ?? .nan)) < 1e-9)
    }
  }
}

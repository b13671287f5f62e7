// Tables and sentences as people really have them, through the binary.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct HostileTableTests {
    /// A byte order mark, quotes, line breaks in cells, a row that is longer than the model, and a label without rows.
    @Test func aTableWithEverythingIsLearned() throws {
      let folder = try Workspace()
      try folder.makeBERT()
      let long = [String](repeating: "film", count: 400).joined(separator: " ")
      let rows = (0..<8).map { "good film \($0),a\r\nbad film \($0),b\r\n" }.joined()
      try folder.file(
        "t.csv", "\u{FEFF}text,label\r\n\"a \"\"good\"\" film,\nand more\",a\r\n\(rows)\(long),b\r\n")
      let run = try train(
        [
          "model=bert", "task={name: classification, labels: [a, b, c]}", "data.train=t.csv",
          "data.validation=t.csv", "data.sequence_length=16", "training.steps=4", "training.batch_size=4",
        ], output: "run", ranks: 2, in: folder)
      #expect(try run.numbers("validation_loss").allSatisfy(\.isFinite))
      let result = try Command.swiftdp(
        ["evaluate", "--json", "--model", "run/model", "--data", "t.csv", "--sequence-length", "16"],
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      let json = try JSON.parse(result.out)
      #expect(json["rows"]?.integer == 18)
      #expect(json["f1_per_class"]?["c"]?.double == 0)
      #expect(json["confusion_matrix"]?.elements?.count == 3)
      let predicted = try Command.swiftdp(
        [
          "predict", "--model", "run/model", "--data", "t.csv", "--output", "p.jsonl", "--sequence-length",
          "16",
        ], in: folder)
      #expect(predicted.code == 0, "\(predicted.err)")
      let first = try JSON.parse(
        String(try #require(try folder.text("p.jsonl").split(separator: "\n").first)))
      #expect(first["text"]?.text == "a \"good\" film,\nand more")

      try folder.file("t.csv", try folder.text("t.csv") + ",a\r\n")
      let empty = try Command.swiftdp(["evaluate", "--model", "run/model", "--data", "t.csv"], in: folder)
      #expect(empty.code == 65)
      #expect(empty.err.contains("t.csv:21: \"text\" is empty"), "\(empty.err)")
    }

    /// Python writes lists so: every row stands on line 1, and is a row of its own all the same.
    @Test func aListOnOneLineHasManyRows() throws {
      let folder = try Workspace()
      try folder.makeBERT()
      let rows = (0..<12).map { #"{"words": ["film", "good", "\#($0)"], "labels": ["O", "B-X", "O"]}"# }
      try folder.file("w.json", "[" + rows.joined(separator: ", ") + "]")
      _ = try train(
        [
          "model=bert", "task=token_classification", "data.train=w.json", "data.validation=w.json",
          "data.sequence_length=16", "training.steps=2", "training.batch_size=4",
        ], output: "run", in: folder)
      let result = try Command.swiftdp(
        ["predict", "--model", "run/model", "--data", "w.json", "--output", "p.jsonl"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let predicted = try folder.text("p.jsonl").split(separator: "\n").map { try JSON.parse(String($0)) }
      #expect(predicted.map { $0["words"]?.elements?.last?.text } == (0..<12).map { "\($0)" })

      let model = Project.root + "/Tests/Fixtures/text_to_text/t5"
      let lines = try String(contentsOfFile: model + "/rows.jsonl", encoding: .utf8).split(separator: "\n")
      try folder.file("t.json", "[" + lines.joined(separator: ", ") + "]")
      let task = "task={name: text_to_text, source_prefix: 'to: ', max_tokens: 12}"
      var results: [JSON] = []
      for data in [model + "/rows.jsonl", "t.json"] {
        let result = try Command.swiftdp(
          ["evaluate", "--json", "--model", model, "--data", data, task], in: folder)
        #expect(result.code == 0, "\(result.err)")
        results.append(try JSON.parse(result.out))
      }
      #expect(results[0] == results[1] && results[0]["bleu"]?.double ?? 0 > 0)
    }

    /// A word that the tokenizer leaves nothing of has no label, and those behind it keep theirs.
    @Test func wordsWithoutTokensShiftNothing() throws {
      let folder = try Workspace()
      try folder.makeBERT()
      let plain = #"{"words": ["film", "good", "bad"], "labels": ["O", "B-X", "B-Y"]}"# + "\n"
      try folder.file("w.jsonl", String(repeating: plain, count: 24))
      _ = try train(
        [
          "model=bert", "task=token_classification", "data.train=w.jsonl", "data.validation=0",
          "data.sequence_length=16", "training.steps=60", "training.batch_size=4",
          "optimizer.learning_rate=3.0e-3",
        ], output: "run", in: folder)
      try folder.file("n.jsonl", #"{"words": ["\u0000", "film", "\u200b", "good", "bad"]}"# + "\n")
      let result = try Command.swiftdp(
        ["predict", "--model", "run/model", "--data", "n.jsonl", "--output", "p.jsonl"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let labels = try #require(try JSON.parse(try folder.text("p.jsonl"))["labels"]?.elements)
      #expect(labels == [.null, .string("O"), .null, .string("B-X"), .string("B-Y")])
    }

    /// Lines of tabs alone end sentences as empty ones do; several of them end one.
    @Test func linesOfTabsEndSentences() throws {
      let folder = try Workspace()
      try folder.makeBERT()
      let sentences = (0..<12).map { "film\tO\ngood\tB-X\n\($0 % 2 == 0 ? "\t\t" : "\t\n\n \t")\n" }.joined()
      try folder.file("w.conll", "\t\n" + sentences)
      let result = try Command.swiftdp(
        [
          "train", "model=bert", "task=token_classification", "data.train=w.conll", "data.validation=w.conll",
          "data.sequence_length=16", "training.steps=1", "training.batch_size=4", "output=run",
        ], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("train 12 sequences, 24 words"), "\(result.out)")
    }
  }
}

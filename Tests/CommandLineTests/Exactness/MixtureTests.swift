// Runs on several sources: the same bits at every rank count, stopped and gone on with, and what they refuse.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct MixtureTests {
    static let sources =
      "data.sources=[{files: a.csv, columns: {prompt: q, completion: a}, weight: 3}, "
      + "{files: [text.txt], format: text}, {files: rows.jsonl, weight: 0.5}]"
    static let settings = [
      "model=llama", "weights=random", "data.packing=false", "data.sequence_length=32",
      "training.batch_size=9",
      "training.micro_batch_size=2", "training.steps=12", "checkpoint.every=5", "checkpoint.keep=9",
      "optimizer.learning_rate=1.0e-3", "parallel.threads=1",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 400)
      try folder.makeRows(count: 40)
      try folder.file("a.csv", "q,a\n" + (0..<40).map { "count \($0),\"one, \($0)\"\n" }.joined())
      return folder
    }

    @Test func everyRankCountGivesTheSameBits() throws {
      let folder = try folder()
      let one = try train(Self.settings + [Self.sources], output: "one", in: folder)
      var compared = 0
      for ranks in [1, 2, 3] {
        let run = try train(Self.settings + [Self.sources], output: "run\(ranks)", ranks: ranks, in: folder)
        try expectSame(run, one, steps: 12, "\(ranks) ranks")
        compared += 1
      }
      #expect(compared == 3)
      // Other shares are other samples, and a run that has begun does not take them.
      let other = Self.sources.replacingOccurrences(of: "weight: 3", with: "weight: 2")
      let run = try train(Self.settings + [other], output: "other", in: folder)
      #expect(try run.hash() != one.hash())
      let changed = try Command.swiftdp(
        ["train"] + Self.settings + [other, "output=one", "training.steps=14"], in: folder)
      #expect(changed.code == 64 && changed.err.contains("data"), "\(changed.err)")
    }

    @Test func stoppedAndGoneOnWith() throws {
      let folder = try folder()
      let whole = try train(Self.settings + [Self.sources], output: "whole", ranks: 2, in: folder)
      _ = try train(Self.settings + [Self.sources], output: "run", ranks: 3, in: folder)
      for step in ["10", "12"] { try folder.remove("run/checkpoints/step-0000\(step)") }
      try folder.remove("run/model")
      // The resolved recipe says the same as the setting.
      let result = try Command.swiftdp(["train", "run/config.yaml"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let hash = try Command.swiftdp(["checkpoint", "hash", "run/checkpoints/step-000012"], in: folder)
      #expect(try hash.out.contains(whole.hash()), "\(hash.out) \(hash.err)")
    }

    @Test func mistakesAreTold() throws {
      let folder = try folder()
      let cases: [(String, [String])] = [
        (
          "data.sources=[{files: a.csv, colums: 3, weight: -1}, {format: txt}]",
          [
            "data.sources[0].weight: is -1.0, but must be from 0.0001 to 1000000.0",
            "data.sources[1].files: is missing (give a file or a list of files)",
            "data.sources[1].format: is \"txt\", but must be one of auto, text, completion, alpaca, messages, classification, "
              + "regression, multiple_choice, token_classification, text_to_text, embedding, preference, question_answering "
              + "(did you mean text?)",
            "data.sources[0].colums: is not a key of swiftdp (did you mean data.sources[0].columns?)",
          ]
        ),
        (
          "data.sources=[{files: [no.txt], columns: {txt: 0}}]",
          [
            "data.sources[0].files: there is no file no.txt (this folder holds a.csv, rows.jsonl, text.txt)",
            "data.sources[0].columns.txt: is not a column of any format (did you mean text?)",
          ]
        ),
        ("data.sources=[]", ["data.sources: is an empty list"]),
        ("data.sources=3", ["data.sources: is a whole number, where a list of keys with values is meant"]),
        ("data.columns={text: -1}", ["data.columns.text: is -1, but columns count from 0"]),
      ]
      for (setting, messages) in cases {
        let data = setting.hasPrefix("data.sources") ? [] : ["data.train=text.txt"]
        try expectMistake(["train"] + Self.settings + data + [setting], 64, messages, in: folder)
      }
      #expect(cases.count == 5)
      try expectMistake(
        ["train"] + Self.settings + ["data.train=text.txt", Self.sources], 64,
        ["data.sources: is given beside data.train (make data.train one of the sources)"], in: folder)
    }
  }
}

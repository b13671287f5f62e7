// swiftdp data prepare: what each step leaves of real files, at every number of ranks, and recipes with mistakes.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct DataPrepareTests {
    /// Rows whose groups, labels and texts are known.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      let rows = (0..<2000).map { number in
        "{\"text\": \"row \(number % 1900) of many\", \"group\": \"g\(number / 10)\", \"label\": \(number % 4 / 3), "
          + "\"score\": \(Double(number % 10) / 10)}\n"
      }
      try folder.file("rows.jsonl", rows.joined())
      return folder
    }

    private static let data =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
      + "/../../../shared/data/instruct/dolly_hhrlhf_train_small.jsonl"

    private func prepare(
      _ recipe: String, ranks: Int? = nil, to output: String = "out", in folder: Workspace
    ) throws -> JSON {
      try folder.file("recipe.yaml", recipe)
      let words = ["data", "prepare", "recipe.yaml", "output=\(output)/train.jsonl"]
      let result = try Command.swiftdp(words, ranks: ranks, in: folder)
      #expect(result.code == 0, "\(result.err)")
      return try JSON.parse(try folder.text("\(output)/report.json"))
    }

    private func rows(_ name: String, in folder: Workspace) throws -> [JSON] {
      try folder.text(name).split(separator: "\n").map { try JSON.parse(String($0)) }
    }

    @Test func everyStepAtEveryNumberOfRanks() throws {
      let folder = try folder()
      let recipe = """
        input: rows.jsonl
        seed: 3
        steps:
          - clean: {whitespace: collapse}
          - filter: {where: score > 0.15}
          - deduplicate: {columns: [text]}
          - sample: {rows: 1000}
          - shuffle
          - split: {validation: 0.1, test: 0.05}
          - augment: {typos: 0.5}
        """
      let report = try prepare(recipe, in: folder)
      let steps = report["steps"]?.elements ?? []
      // 400 rows have a score of 0 or 0.1. Rows 1900 to 1999 repeat rows 0 to 99, of which 80 are left.
      #expect(steps.map { $0["before"]?.integer } == [2000, 2000, 1600, 1520, 1000, 1000, 1000])
      #expect(steps[1]["removed"]?["where"]?.integer == 400)
      #expect(steps[2]["removed"]?["duplicate"]?.integer == 80)
      #expect(
        steps[2]["examples"]?.elements?.map { $0["at"]?.text }
          == [1903, 1904, 1905].map { "rows.jsonl:\($0)" })
      #expect(steps[2]["examples"]?.elements?.map { $0["of"]?.text } == [3, 4, 5].map { "rows.jsonl:\($0)" })
      let counts = report["outputs"]?.elements?.map { $0["rows"]?.integer ?? 0 } ?? []
      #expect(counts.count == 3 && counts[1] == 100 && counts[2] == 50)
      let added = steps[6]["added"]?.integer ?? 0
      #expect(added > 500 && counts[0] == 850 + added)
      var held: Set<String> = []
      for name in ["validation", "test"] {
        held.formUnion(try rows("out/\(name).jsonl", in: folder).map { $0.encoded() })
      }
      #expect(held.count == 150)
      let trained = Set(try rows("out/train.jsonl", in: folder).map { $0.encoded() })
      #expect(trained.isDisjoint(with: held))
      for ranks in [2, 3] {
        _ = try prepare(recipe, ranks: ranks, to: "out\(ranks)", in: folder)
        for name in ["train", "validation", "test"] {
          #expect(
            try folder.data("out\(ranks)/\(name).jsonl") == folder.data("out/\(name).jsonl"),
            "\(name), \(ranks)")
        }
      }
    }

    /// Of its 1000 rows, ten have more than 5000 characters, none are equal, and rows 505 and 564 have a Jaccard index of
    /// 0.96: all others have less than 0.8, as computed by other means.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: data), "../shared/data is absent"))
    func realInstructions() throws {
      let folder = try Workspace()
      let report = try prepare(
        "input: \(Self.data)\nsteps: [{deduplicate: {near: 0.9}}, {filter: {max_characters: 5000}}]",
        ranks: 2,
        in: folder)
      let steps = report["steps"]?.elements ?? []
      #expect(
        steps.map { $0["removed"]?.encoded() } == [
          #"{"near duplicate": 1}"#, #"{"longer than max_characters": 9}"#,
        ])
      let example = steps[0]["examples"]?.elements?.first
      #expect(example?["at"]?.text == Self.data + ":564" && example?["of"]?.text == Self.data + ":505")
      let lines = try String(contentsOfFile: Self.data, encoding: .utf8).split(separator: "\n")
      let kept = try folder.text("out/train.jsonl").split(separator: "\n")
      // Rows that do not change keep their bytes and their order.
      #expect(kept.count == 990 && lines.filter { Set(kept).contains($0) } == kept)
    }

    /// By the F1 of the longest common subsequence of words: 2 · 3 / 8 is 0.75, and 2 · 3 / 9 is 0.67.
    @Test func noveltyIsMeasuredAgainstWhatWasKept() throws {
      let folder = try Workspace()
      let texts = ["a b c d", "x A, b? c", "a b c e f", "a b q e f", "1 2 3", "", "3 2 1", "1 2 3!", "東京"]
      try folder.file("rows.jsonl", texts.map { "{\"text\": \"\($0)\"}\n" }.joined())
      try folder.file("seeds.jsonl", "{\"text\": \"3, 2, 1\"}\n")
      for ranks in [nil, 2, 3] {
        let output = "out\(ranks ?? 1)"
        let report = try prepare(
          "input: rows.jsonl\nsteps: [{novelty: {against: seeds.jsonl}}]", ranks: ranks, to: output,
          in: folder)
        let kept = try rows("\(output)/train.jsonl", in: folder).compactMap { $0["text"]?.text }
        #expect(kept == ["a b c d", "a b c e f", "1 2 3", "", "東京"])
        #expect(report["steps"]?.elements?.first?["removed"]?["not new"]?.integer == 4)
      }
    }

    @Test func splits() throws {
      let folder = try folder()
      func split(_ settings: String, _ output: String) throws -> (train: [JSON], validation: [JSON]) {
        _ = try prepare(
          "input: rows.jsonl\nsteps: [{split: {validation: 0.2, \(settings)}}]", ranks: 2, to: output,
          in: folder)
        return (
          try rows("\(output)/train.jsonl", in: folder), try rows("\(output)/validation.jsonl", in: folder)
        )
      }
      let groups = try split("by: group, column: group", "group")
      #expect(groups.validation.count == 400)
      func names(_ rows: [JSON]) -> Set<String> { Set(rows.compactMap { $0["group"]?.text }) }
      #expect(names(groups.train).isDisjoint(with: names(groups.validation)))
      let labels = try split("by: label, column: label", "label")
      #expect(labels.validation.count { $0["label"]?.integer == 1 } == 100)
      #expect(labels.validation.count { $0["label"]?.integer == 0 } == 300)
      // What was in validation stays there when the file has other rows.
      let hash = try split("by: hash, column: group", "hash")
      #expect((200...600).contains(hash.validation.count))
      let lines = try folder.text("rows.jsonl").split(separator: "\n")
      try folder.file("rows.jsonl", lines[700..<1500].reversed().joined(separator: "\n"))
      let export = try split("by: hash, column: group", "export")
      #expect(export.validation.count > 0 && names(export.validation).isSubset(of: names(hash.validation)))
      #expect(names(export.train).isSubset(of: names(hash.train)))
    }

    @Test func mistakesAreToldAtOnce() throws {
      let folder = try folder()
      try folder.file(
        "recipe.yaml",
        """
        input: nothing.jsonl
        output: out/rows.foo
        sed: 1
        steps:
          - clean: {unicode: nfx}
          - filtre: {}
          - filter: {where: 'score >'}
          - sample: {}
          - split: {by: label, validation: 0.6, test: 0.5}
          - augment: {copies: 0}
        """)
      for ranks in [nil, 2] {
        let result = try Command.swiftdp(["data", "prepare", "recipe.yaml"], ranks: ranks, in: folder)
        #expect(result.code == 64)
        for part in [
          "input: there is no file nothing.jsonl", "out/rows.foo has no ending that is known",
          "sed: is not a key of a preparation (did you mean seed?)", "steps[0].clean.unicode: is \"nfx\"",
          "steps[1].filtre: is not a step (did you mean filter?)", "steps[2].filter.where: ",
          "steps[3].sample: has neither rows nor share", "steps[4].split.column: is missing",
          "steps[4].split: leaves no row to train on", "steps[5].augment.copies: is 0",
        ] { #expect(result.err.components(separatedBy: part).count == 2, "\(part): \(result.err)") }
      }
    }

    @Test func rowsThatDoNotFitLeaveNoFile() throws {
      let folder = try folder()
      let cases = [
        ("convert: {to: messages}", "rows.jsonl:1: is a text, and messages need a question and its answer"),
        ("clean: {columns: [txet]}", "no row has a text in the column \"txet\""),
        ("split: {validation: 0.1, by: hash, column: id}", "rows.jsonl:1: has no \"id\""),
        (
          "filter: {where: text > 1}",
          "rows.jsonl:1: where: '>' not supported between instances of 'str' and 'int'"
        ),
      ]
      for (step, message) in cases {
        try folder.file("recipe.yaml", "input: rows.jsonl\noutput: out/train.jsonl\nsteps: [{\(step)}]")
        let result = try Command.swiftdp(["data", "prepare", "recipe.yaml"], ranks: 2, in: folder)
        #expect(result.code == 65 && result.err.contains(message), "\(step): \(result.err)")
        #expect(folder.names(in: "out").isEmpty)
      }
      #expect(cases.count == 4)
    }

    /// A row that stays as it is keeps numbers that no type holds.
    @Test func largeNumbers() throws {
      let folder = try Workspace()
      try folder.file("rows.jsonl", "{\"text\":\"a\", \"n\":1e400}\n{\"text\":\"b \", \"n\":1}\n")
      let recipe = "input: rows.jsonl\nsteps: [{clean: {whitespace: trim}}, shuffle]"
      _ = try prepare(recipe, in: folder)
      let kept = Set(try folder.text("out/train.jsonl").split(separator: "\n"))
      #expect(kept == ["{\"text\":\"a\", \"n\":1e400}", "{\"text\": \"b\", \"n\": 1}"])
      try folder.file("rows.jsonl", "{\"text\":\"a \", \"n\":[1e400]}\n")
      let result = try Command.swiftdp(["data", "prepare", "recipe.yaml", "output=new.jsonl"], in: folder)
      #expect(
        result.code == 65
          && result.err.contains("rows.jsonl:1: has a number that no type holds, and is changed by clean"))
    }

    /// Other kinds of files are written from the same rows.
    @Test func kindsOfFiles() throws {
      let folder = try folder()
      for (number, name) in ["train.csv", "train.parquet", "train.json", "train.jsonl.gz"].enumerated() {
        try folder.file(
          "recipe.yaml", "input: rows.jsonl\noutput: out\(number)/\(name)\nsteps: [{split: {test: 0.5}}]")
        let result = try Command.swiftdp(["data", "prepare", "recipe.yaml"], ranks: 2, in: folder)
        #expect(result.code == 0, "\(result.err)")
        let test = name.replacing("train", with: "test")
        try folder.file("back.yaml", "input: out\(number)/\(test)\noutput: back\(number)/rows.jsonl")
        #expect(try Command.swiftdp(["data", "prepare", "back.yaml"], in: folder).code == 0)
      }
      #expect(
        try rows("back0/rows.jsonl", in: folder).map { $0["text"] }
          == rows("back3/rows.jsonl", in: folder).map { $0["text"] })
      #expect(try rows("back1/rows.jsonl", in: folder) == rows("back3/rows.jsonl", in: folder))
      #expect(try rows("back2/rows.jsonl", in: folder) == rows("back3/rows.jsonl", in: folder))
    }
  }
}

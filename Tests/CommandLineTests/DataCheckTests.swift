// swiftdp data check, show and stats, and what a run does about its data. With the byte-level tokenizer a letter is a
// token, and an end-of-text token follows each document.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct DataCheckTests {
    private static let settings = [
      "model=llama", "weights=random", "data.train=rows.jsonl", "data.sequence_length=64", "training.steps=3",
      "training.batch_size=4", "training.micro_batch_size=2",
    ]

    /// - Parameter fault: a row that ends twice.
    private func folder(fault: Bool) throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama(longest: 64)
      try folder.makeRows(count: 40)
      if fault {
        let row = #"{"prompt": "what ends twice?", "completion": " this<|endoftext|><|endoftext|>"}"# + "\n"
        try folder.file("rows.jsonl", try folder.text("rows.jsonl") + row)
      }
      return folder
    }

    private func data(_ words: [String], in folder: Workspace, ranks: Int? = nil) throws -> CommandResult {
      try Command.swiftdp(["data"] + words + Self.settings, ranks: ranks, in: folder)
    }

    @Test func mistakesEndWith65() throws {
      let folder = try folder(fault: true)
      let result = try data(["check", "--json", "--html", "found.html"], in: folder)
      #expect(result.code == 65)
      #expect(result.messages == ["data check: 1 mistake in the data (they are told above)"], "\(result.err)")
      let report = try JSON.parse(result.out)
      let first = report["findings"]?.elements?.first
      #expect(first?["name"]?.text == "doubled_end" && first?["rows"]?.integer == 1)
      #expect(first?["examples"]?.elements?.first?["at"]?.text == "rows.jsonl:41")
      #expect(report["rows"]?.integer == 41)
      #expect(try folder.text("found.html").contains("rows.jsonl:41"))
      // What is there is not overwritten.
      try expectMistake(
        ["data", "check", "--html", "found.html"] + Self.settings, 64,
        ["--html: found.html exists already (give another name, or remove it)"], in: folder)
      let clean = try data(["check"], in: try self.folder(fault: false))
      #expect(
        clean.code == 0 && clean.err.isEmpty && clean.out.contains("0 mistakes"), "\(clean.err)\(clean.out)")
    }

    @Test func rowsThatTrainRefusesAreFindings() throws {
      let folder = try folder(fault: false)
      try folder.file("rows.jsonl", try folder.text("rows.jsonl") + "{\"prompt\": \"no answer\"}\n")
      let result = try data(["check"], in: folder)
      #expect(result.code == 65)
      #expect(
        result.out.contains("mistake  refused_rows")
          && result.out.contains("rows.jsonl:41  has no \"completion\""),
        "\(result.out)")
      let train = try Command.swiftdp(["train", "output=run"] + Self.settings, in: folder)
      #expect(train.code == 65 && !folder.exists("run/metrics.jsonl"))
    }

    @Test func evaluationSetsAreLookedFor() throws {
      let folder = try folder(fault: false)
      let question = "which of these old stones did the river carry to the sea before the winter came"
      try folder.file(
        "rows.jsonl",
        try folder.text("rows.jsonl") + "{\"prompt\": \"\(question)?\", \"completion\": \" none\"}\n")
      try folder.file(
        "test.jsonl", "{\"q\": {\"text\": \"Which of these OLD stones\(question.dropFirst(25))\"}}\n")
      let result = try data(["check", "--against", "test.jsonl", "data.sequence_length=64"], in: folder)
      #expect(
        result.out.contains("evaluation_in_data") && result.out.contains("of its words are in rows.jsonl:41"),
        "\(result.out)")
      try expectMistake(
        ["data", "check", "--against", "held-out-questions.jsonl"] + Self.settings, 64,
        ["--against: there is no file held-out-questions.jsonl (this folder holds rows.jsonl, test.jsonl)"],
        in: folder)
    }

    @Test func sequencesAreShown() throws {
      let folder = try folder(fault: false)
      let result = try data(["show", "--rows", "2"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(
        result.out.contains("── rows.jsonl:1\n⟨prompt⟩what is 0 plus 0?⟨answer⟩⟦ 0<|endoftext|>⟧\n"),
        "\(result.out)")
      #expect(!result.out.contains("\u{1B}") && result.out.contains("sequence 2: "))
      let json = try data(["show", "--json", "--rows", "1"], in: folder)
      let tokens = try JSON.parse(json.out)["tokens"]?.elements ?? []
      #expect(tokens.count > 20 && tokens.count { $0["target"]?.bool == true } > 2)
    }

    @Test func statisticsAreThoseOfTheRun() throws {
      let folder = try folder(fault: false)
      let result = try data(["stats", "--json", "--no-time"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let statistics = try JSON.parse(result.out)
      #expect(statistics["rows"]?.integer == 40 && statistics["packing_efficiency"]?.double ?? 0 > 0.5)
      #expect(statistics["seconds_of_a_step"] == nil)
      let timed = try data(["stats"], in: folder, ranks: 2)
      #expect(timed.code == 0 && timed.out.contains("time      about "), "\(timed.err)\(timed.out)")
      #expect(
        timed.out.contains("for the run's 3 steps, as plan estimates it for 2 ranks × "), "\(timed.out)")
    }

    /// What is done about data changes no bit of a run.
    @Test func runsWarnRefuseOrLookAtNothing() throws {
      let folder = try folder(fault: true)
      let warned = try Command.swiftdp(
        ["train", "output=warned", "data.validation=0"] + Self.settings, in: folder)
      #expect(warned.code == 0)
      let told = warned.out.split(separator: "\n").filter {
        $0.contains("rows that end in <|endoftext|> twice")
      }
      #expect(
        told.count == 1 && told[0].hasPrefix("note: ") && told[0].contains(", such as rows.jsonl:41 ("),
        "\(warned.out)")
      let quiet = try Command.swiftdp(
        ["train", "output=quiet", "data.check=off", "data.validation=0"] + Self.settings, ranks: 2, in: folder
      )
      #expect(quiet.code == 0 && !quiet.out.contains("twice"))
      let runs = ["warned", "quiet"].map { RunOutput(folder: folder, name: $0) }
      try expectSame(runs[1], runs[0], steps: 3, "data.check")
      let refused = try Command.swiftdp(
        ["train", "output=refused", "data.check=refuse", "data.validation=0"] + Self.settings, ranks: 2,
        in: folder)
      #expect(refused.code == 65 && !folder.exists("refused/metrics.jsonl"))
      #expect(
        refused.messages.count == 1
          && refused.messages[0].hasPrefix("rows.jsonl:41: rows that end in <|endoftext|> twice: 1 of "),
        "\(refused.err)")
      try expectMistake(
        ["train", "data.check=maybe"] + Self.settings, 64,
        ["data.check: is \"maybe\", but must be one of refuse, warn, off"], in: folder)
    }
  }
}

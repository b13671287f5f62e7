// swiftdp data prepare with steps that ask a language model, beside what other commands say of the same model.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct DataSynthesisTests {
    private let folder: Workspace

    init() throws {
      folder = try Workspace()
      let prompts = [
        "egg starts with?", "last letter of path?", "uppercase meal?", "what is 7 plus 5?",
        "first letter of moon?",
        "sort: b a c", "opposite of hot?",
      ]
      try folder.file("rows.jsonl", prompts.map { "{\"prompt\": \"\($0)\", \"id\": 1}\n" }.joined())
    }

    /// The rows that a recipe of steps leaves, which are the same bytes at every number of ranks.
    private func prepared(_ steps: String, _ name: String) throws -> (rows: [JSON], report: JSON) {
      try folder.file("\(name).yaml", "input: rows.jsonl\nseed: 5\nsteps:\n\(steps)")
      for ranks in [nil, 2, 3] {
        let output = "\(name)\(ranks ?? 1)"
        let result = try Command.swiftdp(
          ["data", "prepare", "\(name).yaml", "output=\(output)/train.jsonl"], ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        #expect(try folder.data("\(output)/train.jsonl") == folder.data("\(name)1/train.jsonl"))
      }
      return (
        try folder.text("\(name)1/train.jsonl").split(separator: "\n").map { try JSON.parse(String($0)) },
        try JSON.parse(try folder.text("\(name)1/report.json"))
      )
    }

    @Test func perplexityIsThatOfEvaluate() throws {
      let texts = [
        "First Citizen:\nBefore we proceed any further, hear me speak.", "zqx jv wk qqq zz xj", "ROMEO:",
      ]
      try folder.file(
        "rows.jsonl",
        texts.map { JSON.object(members: [("text", .string($0))]).encoded() + "\n" }.joined())
      let rows = try prepared("  - perplexity: {model: 'shipped:base', into: perplexity}", "measured").rows
      var found: [Double] = []
      for (row, text) in zip(rows, texts) {
        try folder.file("one.txt", text)
        let result = try Command.swiftdp(
          ["evaluate", "--model", "shipped:base", "--data", "one.txt", "--json"], in: folder)
        let expected = try #require(try JSON.parse(result.out)["perplexity"]?.double)
        let value = try #require(row["perplexity"]?.double)
        #expect(abs(value / expected - 1) < 1e-4, "\(text): \(value), and evaluate says \(expected)")
        found.append(value)
      }
      #expect(found.count == 3 && found[1] > 2 * found[0])
      let limit = found[0] * 1.5
      let (kept, report) = try prepared("  - perplexity: {model: 'shipped:base', max: \(limit)}", "limited")
      #expect(kept.map { $0["text"]?.text } == zip(texts, found).filter { $0.1 <= limit }.map(\.0))
      #expect(
        report["steps"]?.elements?.first?["removed"]?["above max"]?.integer == found.count { $0 > limit })
    }

    @Test func answersAreThoseOfGenerate() throws {
      let step = """
          - synthesize:
              model: 'shipped:base'
              prompt: "{{ prompt }}\\n"
              max_tokens: 12
              keep_cut: true
        """
      let rows = try prepared(step, "answered").rows
      let asked = rows.compactMap { $0["prompt"]?.text }
      try folder.file(
        "asked.jsonl",
        asked.map { JSON.object(members: [("prompt", .string($0 + "\n"))]).encoded() + "\n" }.joined())
      let result = try Command.swiftdp(
        [
          "generate", "--model", "shipped:base", "--prompts", "asked.jsonl", "--output", "answers.jsonl",
          "--max-tokens", "12",
        ], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let expected = try folder.text("answers.jsonl").split(separator: "\n").map {
        try JSON.parse(String($0))["completion"]?.text?.trimmingCharacters(in: .whitespacesAndNewlines)
      }
      #expect(rows.count > 3 && rows.map { $0["completion"]?.text } == expected)
      // Other columns stay.
      #expect(rows.allSatisfy { $0["id"]?.integer == 1 })
    }

    @Test func newRowsComeFromExamples() throws {
      let step = """
          - synthesize:
              model: 'shipped:base'
              count: 9
              examples: 2
              prompt: "{% for e in examples %}{{ e.prompt }}\\n{% endfor %}"
              max_tokens: 40
              stop: ["\\n"]
              keep_cut: true
          - filter: {min_characters: 2, columns: [prompt]}
        """
      let (rows, report) = try prepared(step, "new")
      let added = try #require(report["steps"]?.elements?.first?["added"]?.integer)
      let removed = report["steps"]?.elements?.first?["removed"]?.members?.compactMap(\.value.integer) ?? []
      #expect(added + removed.reduce(0, +) == 9 && added > 2)
      #expect(
        rows.count == 7 + added
          - (report["steps"]?.elements?[1]["removed"]?.members?.first?.value.integer ?? 0))
      // The rows themselves come first, and no answer goes beyond its line.
      #expect(
        rows.prefix(7).allSatisfy { $0["id"] != nil } && rows.dropFirst(7).allSatisfy { $0["id"] == nil })
      #expect(rows.allSatisfy { $0["prompt"]?.text?.contains("\n") == false })
      #expect(Set(rows.dropFirst(7).map { $0.encoded() }).count > 1)
    }

    @Test func samplesVote() throws {
      let step = """
          - synthesize:
              model: 'shipped:base'
              prompt: "{{ prompt }}\\n"
              samples: 5
              agree: 0.4
              answer: '[A-Za-z]+'
              max_tokens: 8
              keep_cut: true
        """
      let (rows, report) = try prepared(step, "voted")
      let removed = report["steps"]?.elements?.first?["removed"]?["too few agree"]?.integer ?? 0
      #expect(removed > 0 && rows.count + removed <= 7)
      for row in rows {
        #expect(row["completion"]?.text?.contains { $0.isASCII && $0.isLetter } == true)
      }
    }

    @Test func textsGoThereAndBack() throws {
      let model = Project.root + "/Tests/Fixtures/text_to_text/t5"
      let (rows, report) = try prepared(
        "  - back_translate: {there: '\(model)', back: '\(model)', max_tokens: 6, copies: 2, temperature: 1}",
        "translated")
      let added = try #require(report["steps"]?.elements?.first?["added"]?.integer)
      #expect(rows.count == 7 + added && added > 0)
    }

    @Test func mistakesAreToldBeforeAnythingRuns() throws {
      try folder.makeBERT()
      try folder.file(
        "wrong.yaml",
        """
        input: rows.jsonl
        output: out/rows.jsonl
        steps:
          - perplexity: {model: nowhere, max: 3}
          - perplexity: {model: 'shipped:base'}
          - synthesize: {model: 'shipped:base', prompt: '{% if %}'}
          - synthesize: {model: 'shipped:base', prompt: 'x', samples: 3, temperature: 0}
          - synthesize: {model: 'shipped:base', prompt: 'x', answer: '('}
          - back_translate: {there: 'shipped:base'}
        """)
      let result = try Command.swiftdp(["data", "prepare", "wrong.yaml"], ranks: 2, in: folder)
      #expect(result.code == 64)
      for part in [
        "steps[1].perplexity: keeps every row", "steps[2].synthesize.prompt: ",
        "steps[3].synthesize.samples: is 3",
        "steps[4].synthesize.answer: is not a regular expression", "steps[5].back_translate.back: is missing",
      ] { #expect(result.err.components(separatedBy: part).count == 2, "\(part): \(result.err)") }
      for (steps, message) in [
        ("perplexity: {model: nowhere, max: 3}", "nowhere"),
        ("perplexity: {model: bert, max: 3}", "bert: predicts no next tokens, which perplexity needs"),
        ("synthesize: {model: 'shipped:base', prompt: 'x', chat: true}", "has no chat template"),
      ] {
        try folder.file("wrong.yaml", "input: rows.jsonl\noutput: out/rows.jsonl\nsteps: [{\(steps)}]")
        let result = try Command.swiftdp(["data", "prepare", "wrong.yaml"], ranks: 2, in: folder)
        #expect(result.code != 0 && result.err.contains(message), "\(steps): \(result.err)")
        #expect(folder.names(in: "out").isEmpty)
      }
    }
  }
}

// Sequences as data show prints them: what is learned, of which document, by whom.
import Base
import Datasets
import Inspection
import Testing
import Tokenizers

@Suite struct ShowTests {
  private let folder: Folder
  private let tokenizer: Tokenizer

  init() throws {
    folder = try Folder()
    tokenizer = try Tokenizer(folder: folder.path)
  }

  private func sequences(
    _ rows: [JSON], packing: Bool = false, format: DataFormat = .auto, count: Int = 5
  ) throws -> [ShownSequence] {
    var options = DataOptions(
      train: [try folder.rows("rows.jsonl", rows)], format: format, packing: packing, sequenceLength: 128,
      seed: 1)
    options.chats = ChatOptions(template: "chatml", folder: folder.path)
    let dataset = try Dataset(options, encoder: DocumentEncoder(encoding: tokenizer, endOfText: Folder.end))
    return try ShownSequence.first(count, of: dataset, tokenizer)
  }

  private func plain(_ sequence: ShownSequence) -> String {
    ShownText(nil).text(sequence, number: 1).replacing(folder.path + "/", with: "")
  }

  @Test func promptsAndAnswers() throws {
    let rows = [row(["prompt": .string("Is it\nhere?"), "completion": .string(" té")])]
    let shown = try sequences(rows)
    #expect(
      plain(shown[0])
        == """
        sequence 1: 16 tokens, 4 learned
        ── rows.jsonl:1
        ⟨prompt⟩<s>Is it⏎
        here?⟨answer⟩⟦ té<|endoftext|>⟧
        """, "\(plain(shown[0]))")
    #expect(shown[0].tokens.map(\.text).joined() == "<s>Is it\nhere? té<|endoftext|>")
    #expect(shown[0].tokens.count { $0.isTarget } == 4)
  }

  @Test func packedDocumentsAndPadding() throws {
    let rows = (0..<3).map {
      row(["prompt": .string("Question \($0)?"), "completion": .string(" Answer \($0).")])
    }
    let shown = try sequences(rows, packing: true)
    #expect(shown.count == 1)
    let text = plain(shown[0])
    #expect(text.contains("of padding behind them"))
    for line in 1...3 {
      #expect(
        text.contains(
          "── rows.jsonl:\(line)\n⟨prompt⟩<s>Question \(line - 1)?⟨answer⟩⟦ Answer \(line - 1).<|endoftext|>⟧"
        ))
    }
    #expect(Set(shown[0].tokens.map(\.document)) == [0, 1, 2])
    #expect(shown[0].padding == 128 - shown[0].tokens.count)
  }

  @Test func rolesOfChats() throws {
    let shown = try sequences([
      Clean.chat([("system", "S"), ("user", "Q"), ("assistant", "A"), ("user", "R"), ("assistant", "B")])
    ])
    #expect(
      plain(shown[0]).hasSuffix(
        """
        ⟨system⟩<|im_start|>system⏎
        S<|im_end|>⏎
        ⟨user⟩<|im_start|>user⏎
        Q<|im_end|>⏎
        ⟨assistant⟩<|im_start|>assistant⏎
        ⟦A<|im_end|>⟧⏎
        ⟨user⟩<|im_start|>user⏎
        R<|im_end|>⏎
        ⟨assistant⟩<|im_start|>assistant⏎
        ⟦B<|im_end|>⟧⏎

        """), "\(plain(shown[0]))")
  }

  @Test func labelsOfRowsAndWords() throws {
    let rows = try sequences(Clean.labelled(), format: .classification, count: 2)
    #expect(rows.map(\.label) == ["no", "yes"])
    #expect(plain(rows[1]).contains("· label yes\n"))
    #expect(rows[0].tokens.allSatisfy { !$0.isTarget })
    let words = try sequences(
      [
        row([
          "words": .array([.string("In"), .string("Rome")]),
          "labels": .array([.string("O"), .string("PLACE")]),
        ]),
        row(["words": .array([.string("No")]), "labels": .array([.string("O")])]),
      ], format: .tokenClassification)
    #expect(words[0].tokens.filter(\.isTarget).map(\.label) == ["O", "PLACE"])
    #expect(plain(words[0]).contains("|PLACE⟧"))
  }

  /// Whatever a text holds, a terminal sees only the colours that are meant.
  @Test func coloursAreTheOnlyEscapes() throws {
    let shown = try sequences([row(["prompt": .string("\u{1B}[2J x"), "completion": .string(" \u{7}y\nz")])])
    var cases = 0
    for coloring in ShownText.Coloring.allCases {
      let text = ShownText(coloring).text(shown[0], number: 1)
      let rest = text.replacing(/\u{1B}\[[0-9]+m/, with: "")
      #expect(text != rest && !rest.contains("\u{1B}") && !rest.contains("\u{7}"), "\(coloring)")
      #expect(rest.contains("\\u{1b}[2J x") && rest.contains("\\u{7}y⏎\nz"))
      cases += 1
    }
    #expect(cases == 3)
    #expect(!ShownText(nil).text(shown[0], number: 1).contains("\u{1B}"))
  }

  @Test func jsonHoldsEveryToken() throws {
    let shown = try sequences([row(["prompt": .string("Q?"), "completion": .string(" A")])])
    let json = try JSON.parse(shown[0].json.encoded())
    let tokens = json["tokens"]?.elements ?? []
    #expect(tokens.first?["id"]?.integer == 258 && tokens.last?["id"]?.integer == 256)
    #expect(tokens.map { $0["target"]?.bool } == [false, false, false, true, true, true])
    #expect(tokens.map { $0["role"]?.text } == ["prompt", "prompt", "prompt", "answer", "answer", "answer"])
    #expect(json["places"]?.elements?.first?.text?.hasSuffix("rows.jsonl:1") == true)
  }
}

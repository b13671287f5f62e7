// What a run sees of its data before the first step, by tokens alone.
import Base
import Datasets
import Inspection
import Testing
import Tokenizers

@Suite struct StartTests {
  private func findings(
    _ rows: [JSON], length: Int = 4096, packing: Bool = false, end: Int32? = Folder.end,
    stops: [Int32] = [Folder.end, Folder.turnEnd], format: DataFormat = .auto
  ) throws -> [Finding] {
    let folder = try Folder()
    let tokenizer = try Tokenizer(folder: folder.path)
    var options = DataOptions(
      train: [try folder.rows("rows.jsonl", rows)], format: format, packing: packing, sequenceLength: length,
      seed: 1)
    options.chats = ChatOptions(template: "chatml", folder: folder.path)
    let encoder = DocumentEncoder(encoding: tokenizer, endOfText: end)
    let dataset = try Dataset(options, encoder: encoder)
    let facts = InspectionFacts(
      dataset.options, labels: dataset.labels, encoder: encoder, tokenizer: tokenizer, folder: folder.path,
      endsOfGeneration: stops, padding: 259)
    return Inspection.atStart(facts, dataset)
  }

  private func planted(_ prompt: String, _ answer: String) -> [JSON] {
    [row(["prompt": .string(prompt), "completion": .string(answer)])] + Clean.completions
  }

  @Test func cleanRowsHaveNoFindings() throws {
    for packing in [false, true] {
      #expect(try findings(Clean.completions, packing: packing).isEmpty)
      #expect(try findings(Clean.chats, packing: packing).isEmpty)
    }
    #expect(try findings(Clean.labelled(), format: .classification).isEmpty)
    // Texts that are joined lose nothing but the rest of the last block.
    let texts = Clean.labelled().compactMap { $0["text"].map { row(["text": $0]) } }
    #expect(try findings(texts, length: 100, packing: true).isEmpty)
  }

  @Test func mistakesAreSeen() throws {
    for packing in [false, true] {
      let cases = [
        ("doubled_beginning", planted("<s>Is it?", " Yes.")),
        ("doubled_end", planted("Is it?", " Yes.<|endoftext|><|endoftext|>")),
        ("padding_is_target", planted("Is it?", " Yes.<pad>")),
      ]
      for (name, rows) in cases {
        let found = try findings(rows, packing: packing)
        #expect(found.map(\.name) == [name], "\(packing)")
        #expect(found.first?.examples.first?.place.hasSuffix("/rows.jsonl:1") == true)
        #expect(found.first?.severity == .mistake)
      }
      #expect(cases.count == 3)
    }
  }

  @Test func warningsAreSeen() throws {
    let deaf = try findings(Clean.chats, stops: [Folder.end])
    #expect(deaf.map(\.name) == ["end_does_not_stop"])
    let endless = try findings(Clean.completions, end: nil)
    // A model that has no end of text cannot learn one.
    #expect(endless.map(\.name) == ["end_not_learned"] && endless.first?.severity == .warning)
    let cut = try findings(planted("Is it?", " " + String(repeating: "yes ", count: 200)), length: 400)
    #expect(cut.map(\.name) == ["answers_cut"])
    #expect(cut.first?.rows?.found == 1 && cut.first?.rows?.of == 81)
    let empty = try findings(planted(String(repeating: "is it ", count: 200), " Yes."), length: 400)
    #expect(Set(empty.map(\.name)) == ["answers_cut", "no_targets"])
  }
}

import Base
import Datasets
import Testing

/// Files that exist outside this project, with the rows that were counted when they were collected.
@Suite(.enabled(if: RealData.present, RealData.missing)) struct RealDataTests {
  struct Case: Sendable {
    var path: String
    var format: DataFormat
    var rows: Int
  }

  static let cases = [
    Case(path: "instruct/alpaca_en_demo.jsonl", format: .alpaca, rows: 999),
    Case(path: "instruct/llms_from_scratch_instruction-data.json", format: .alpaca, rows: 1100),
    Case(path: "instruct/dolly_hhrlhf_train_small.jsonl", format: .completion, rows: 1000),
    Case(path: "text/c4_demo.jsonl", format: .text, rows: 300),
    Case(path: "text/tinyshakespeare.txt", format: .text, rows: 1),
    Case(path: "text/the-verdict.txt", format: .text, rows: 1),
    Case(path: "text/wikipedia_demo_1mb.txt", format: .text, rows: 1),
  ]

  @Test(arguments: cases) func rowsAreAllThere(_ item: Case) throws {
    let path = RealData.folder + "/" + item.path
    let data = try Dataset(.of([path], packing: true, length: 256), encoder: .bytes())
    let file = try #require(data.summary.trainFiles.files.first)
    #expect(file.format == item.format)
    #expect(file.rows + file.emptyRows == item.rows)
    let used = data.train.tokens.count
    let lost = data.summary.trainFiles.droppedTokens + file.cutTokens
    #expect(used + lost == file.tokens)
    #expect(data.summary.train.targets > 0)
  }

  @Test func casesRan() { #expect(Self.cases.count == 7) }

  @Test func questionsWithoutAKnownFormatAreRefused() {
    #expect(throws: UserErrors.self) {
      try Dataset(.of([RealData.folder + "/instruct/gsm8k_train.jsonl"]), encoder: .bytes())
    }
  }
}

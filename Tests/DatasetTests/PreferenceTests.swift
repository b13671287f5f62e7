// Rows with answers that are compared: their forms, what of them is learned, and what is left out.
import Base
import Datasets
import Foundation
import Testing

@Suite struct PreferenceTests {
  private func read(
    _ rows: String, length: Int = 4096, encoder: DocumentEncoder = .bytes(), file: String = "rows.jsonl",
    _ change: (inout DataOptions) -> Void = { _ in }
  ) throws -> Dataset {
    let folder = try Folder()
    var options = DataOptions(
      train: [try folder.write(file, rows)], format: .preference, packing: false, sequenceLength: length,
      seed: 0)
    options.chats = ChatOptions(template: "chatml")
    change(&options)
    return try Dataset(options, encoder: encoder)
  }

  /// Everything that is no target in points.
  private func learned(_ sequences: TokenSequences) -> [String] {
    (0..<sequences.count).map { sequence in
      sequences.tokenRange(of: sequence).map { index in
        sequences.lossMask[index] ? spelled([sequences.tokens[index]]) : "."
      }.joined()
    }
  }

  private func whole(_ sequences: TokenSequences) -> [String] {
    (0..<sequences.count).map { spelled(sequences.tokens[sequences.tokenRange(of: $0)]) }
  }

  private func margins(_ sequences: TokenSequences) -> [Float] {
    (0..<sequences.count).compactMap { sequences.numbers(of: $0).first }
  }

  /// Every row is the pair of the answers Yes and No to the prompt `Q: `.
  @Test func formsOfPairs() throws {
    let rows = [
      #"{"prompt": "Q: ", "chosen": "Yes", "rejected": "No"}"#,
      // Where TRL's extract_prompt cuts: before the space.
      #"{"chosen": "Q: Yes", "rejected": "Q: No"}"#,
      #"{"prompt": "Q: ", "completions": ["Yes", "No"]}"#,
      #"{"prompt": "Q: ", "completions": ["No", "Yes"], "scores": [1, 3.5]}"#,
    ]
    for (number, row) in rows.enumerated() {
      let sequences = try read(row).train
      #expect(sequences.rowsPerSample == 2 && sequences.targetCount == 1, "\(row)")
      #expect(whole(sequences) == ["Q: Yes>", "Q: No>"], "\(row)")
      let hidden = number == 1 ? [".. Yes>", ".. No>"] : ["...Yes>", "...No>"]
      #expect(learned(sequences) == hidden, "\(row)")
      #expect((0..<2).map { sequences.answer(of: $0).isWanted } == [true, false])
    }
    let answers = ["Yes<|im_end|>.", "No<|im_end|>."]
    let prompt = "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n"
    let chats = [
      #"{"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "assistant", "content": "Yes"}], "#
        + #""rejected": [{"role": "assistant", "content": "No"}]}"#,
      #"{"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "Yes"}], "#
        + #""rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "No"}]}"#,
      // A text beside whole chats, as in UltraFeedback.
      #"{"prompt": "Q", "chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "Yes"}], "#
        + #""rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "No"}]}"#,
      #"{"conversations": [{"from": "human", "value": "Q"}], "chosen": {"from": "gpt", "value": "Yes"}, "#
        + #""rejected": {"from": "gpt", "value": "No"}}"#,
      #"{"messages": [{"role": "user", "content": "Q"}], "chosen": "Yes", "rejected": "No"}"#,
      #"{"prompt": "Q", "chosen": [{"role": "assistant", "content": "Yes"}], "rejected": "No"}"#,
    ]
    for row in chats {
      let sequences = try read(row).train
      #expect(
        learned(sequences) == answers.map { String(repeating: ".", count: prompt.count) + $0 }, "\(row)")
    }
  }

  @Test func rowsOfHelpfulHarmless() throws {
    let begin = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:"
    let row = JSON.object([
      "chosen": .string(begin + " I am well"), "rejected": .string(begin + " I am not"),
    ])
    let sequences = try read(row.encoded()).train
    let hidden = String(repeating: ".", count: begin.count)
    #expect(learned(sequences) == [hidden + " I am well>", hidden + " I am not>"])
  }

  @Test func charactersStayWhole() throws {
    // é and è differ in their second byte.
    let sequences = try read(#"{"chosen": "caf\u00e9", "rejected": "caf\u00e8"}"#).train
    #expect(sequences.tokens.count == 12)
    #expect((0..<2).map { sequences.targets(of: $0) } == [3, 3])
  }

  @Test func noDoubledEndsOrBegins() throws {
    let row = #"{"prompt": "Q", "chosen": "Yes", "rejected": "No"}"#
    for encoder in [DocumentEncoder.bytes(begin: true)]
      + [DocumentEncoder(encoding: ByteEncoding(addsBegin: true, addsEnd: true), endOfText: ByteEncoding.end)]
    {
      #expect(whole(try read(row, encoder: encoder).train) == ["<QYes>", "<QNo>"])
    }
  }

  @Test func whatIsCutIsCounted() throws {
    let rows = """
      {"prompt": "12345", "chosen": "abcdefgh", "rejected": "x"}
      {"prompt": "1234567890", "chosen": "a", "rejected": "b"}
      """
    let data = try read(rows, length: 8)
    let file = data.summary.trainFiles.files[0]
    #expect(whole(data.train) == ["12345abc", "12345x>"])
    #expect(file.rows == 2 && file.rowsWithoutTargets == 1)
    // Of 14 tokens of one answer, and of 12 of two.
    #expect(file.longRows == 2 && file.cutTokens == 6 + 4 + 4)
  }

  @Test func rankedAnswersMakeAllPairs() throws {
    let row = #"{"prompt": "Q", "completions": ["a", "b", "c", "d"], "scores": [2, 5, 2, 0]}"#
    let data = try read(row) { $0.wishes.answers = .wholes }
    #expect(whole(data.train) == ["Qa>", "Qd>", "Qb>", "Qa>", "Qb>", "Qc>", "Qb>", "Qd>", "Qc>", "Qd>"])
    #expect(margins(data.train) == [2, 2, 3, 3, 3, 3, 5, 5, 2, 2])
    #expect(data.train.fileRows.count == 1)
  }

  @Test func margins() throws {
    for (row, margin) in [
      (#"{"prompt": "Q", "chosen": "a", "rejected": "b", "margin": 1.5}"#, 1.5),
      (#"{"prompt": "Q", "chosen": "a", "rejected": "b", "score_chosen": 9, "score_rejected": 7}"#, 2),
      (#"{"prompt": "Q", "chosen": "a", "rejected": "b"}"#, 0),
    ] {
      #expect(margins(try read(row) { $0.wishes.answers = .wholes }.train) == [Float(margin), Float(margin)])
    }
  }

  @Test func answersWithLabels() throws {
    let rows = [
      #"{"prompt": "Q", "completion": "a", "label": true}"#, #"{"prompt": "Q", "response": "a", "label": 1}"#,
      #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "a"}], "label": "true"}"#,
    ]
    for row in rows {
      let sequences = try read(row) { $0.wishes.answers = .labelled }.train
      #expect(sequences.count == 1 && sequences.rowsPerSample == 1 && sequences.answer(of: 0).isWanted)
    }
    let pair = try read(#"{"prompt": "Q", "chosen": "a", "rejected": "b"}"#) { $0.wishes.answers = .labelled }
    #expect(learned(pair.train) == [".a>", ".b>"] && pair.train.targetCount == 2)
    #expect((0..<2).map { pair.train.answer(of: $0).isWanted } == [true, false])
    let table = try read(
      "prompt,completion,label\nQ,a,true\nQ,b,0\n", file: "rows.csv"
    ) { $0.wishes.answers = .labelled }
    #expect((0..<2).map { table.train.answer(of: $0).isWanted } == [true, false])
  }

  @Test func promptsOfBetterAnswersAreLearnedWhereTheyAreAskedFor() throws {
    let data = try read(#"{"prompt": "Why", "chosen": "a", "rejected": "b"}"#) {
      $0.wishes.learnsPrompts = true
    }
    #expect(learned(data.train) == [".hya>", "...b>"])
    #expect((0..<2).map { data.train.answer(of: $0).promptTargets } == [2, 0])
  }

  @Test func promptsWithTheAnswersOfOthers() throws {
    let rows = """
      {"prompt": "1", "completion": "a", "label": true}
      {"prompt": "22", "completion": "bb", "label": false}
      {"prompt": "333", "completion": "cccc", "label": true}
      """
    let sequences = try read(rows) { $0.wishes.answers = .labelled }.train
    let mismatched = sequences.mismatched([2, 0, 1], longest: 6)
    #expect(learned(mismatched) == ["...bb>", ".cccc>", "..a>"])
  }

  /// What transformers takes for padding is not read as the end of a text.
  @Test func paddingEndsNoText() throws {
    let encoder = DocumentEncoder(
      encoding: ByteEncoding(), endOfText: ByteEncoding.end, padding: ByteEncoding.end)
    let data = try read(#"{"prompt": "Q", "chosen": "a", "rejected": "b"}"#, encoder: encoder) {
      $0.wishes.answers = .wholes
    }
    #expect(whole(data.train) == ["Qa", "Qb"])
  }

  @Test func answersThatAreToBeJudged() throws {
    let rows = [
      #"{"prompt": "Q", "completion": "a"}"#: ["Qa>"], #"{"text": "Qa"}"#: ["Qa>"],
      #"{"prompt": "Q", "chosen": "a", "rejected": "b"}"#: ["Qa>", "Qb>"],
    ]
    for (row, texts) in rows {
      let data = try read(row) {
        $0.wishes.answers = .wholes
        $0.wishes.needsLabels = false
      }
      #expect(whole(data.train) == texts)
    }
  }

  @Test(arguments: [
    (#"{"prompt": "Q", "chosen": "a"}"#, "has no \"rejected\""),
    (
      #"{"chosen": "a", "rejected": "a"}"#,
      "has two equal texts, of which nothing tells where the prompt ends"
    ),
    (
      #"{"prompt": "Q", "chosen": 3, "rejected": "a"}"#,
      "\"chosen\" must be a list of messages, but is a whole number"
    ),
    (
      #"{"prompt": "Q", "chosen": "a", "rejected": "b", "margin": -1}"#,
      "says that the rejected answer is the better one"
    ),
    (
      #"{"prompt": "Q", "completion": "a", "label": true}"#,
      "has one answer with a label, and pairs are meant"
    ),
    (#"{"prompt": "Q", "completion": "a"}"#, "has no \"label\""),
    (#"{"prompt": "Q"}"#, "has no \"chosen\""),
    (#"{"prompt": "Q", "completions": ["a"]}"#, "has 1 answer, where 2 to 64 are meant"),
    (
      #"{"prompt": "Q", "completions": ["a", "b"], "scores": [1]}"#,
      "\"scores\" must be a list with a number for each answer"
    ),
    (
      #"{"prompt": [{"role": "user", "content": "Q"}], "chosen": [{"role": "user", "content": "Q"}], "rejected": "b"}"#,
      "\"chosen\" has no message of the assistant"
    ),
  ]) func mistakes(_ row: String, _ message: String) throws {
    let error = #expect(throws: UserErrors.self) { try read(row) }
    #expect("\(error!)".contains(message), "\(error!)")
  }

  @Test(
    .enabled(if: RealData.present, RealData.missing),
    arguments: [
      ("preference/dpo_en_demo.json", 300), ("preference/llms_from_scratch_preference.json", 1100),
      ("preference/hh-rlhf_harmless_test_500.jsonl", 500),
    ]) func realData(_ path: String, _ count: Int) throws
  {
    var options = DataOptions(
      train: [RealData.folder + "/" + path], format: .preference, packing: false, sequenceLength: 4096,
      seed: 0)
    options.chats = ChatOptions(template: "chatml")
    let data = try Dataset(options, encoder: .bytes())
    let file = data.summary.trainFiles.files[0]
    #expect(file.rows == count)
    #expect(data.train.samples + file.rowsWithoutTargets == count)
    #expect(data.train.samples > count / 2)
  }
}

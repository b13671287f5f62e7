// What is found in real files, each finding of which was looked at: it is there, and nothing else is found.
import Base
import Datasets
import Foundation
import Inspection
import Testing
import Tokenizers

@Suite(.enabled(if: Project.hasSharedData, "../shared/data is not beside this package"))
struct CleanDataTests {
  struct Files: Sendable, CustomTestStringConvertible {
    var train: [String]
    var validation: String?
    var format = DataFormat.auto
    var columns: [String: DataColumns.Place] = [:]
    var template: String?
    var rows: Int
    /// Mistakes and warnings, with the number of rows.
    var found: [String: Int] = [:]

    var testDescription: String { train[0] }
    /// Labelled rows are read by a BERT, others by a Llama with a vocabulary of 512.
    var isLabelled: Bool { format.isLabelled && format != .preference }
  }

  static let all = [
    // Fourteen rows of the 999 are there twice; `John.Doe-123%+@example-domain.com` explains a regular expression.
    Files(
      train: ["instruct/alpaca_en_demo.jsonl"], rows: 999, found: ["duplicates": 14, "addresses": 1]),
    // One list is sorted twice, with a few words more.
    Files(
      train: ["instruct/llms_from_scratch_instruction-data.json"], rows: 1100, found: ["near_duplicates": 1]),
    // Two long passages are there with two questions each; one formula has lost its signs.
    Files(
      train: ["instruct/dolly_hhrlhf_train_small.jsonl"], rows: 1000,
      found: ["near_duplicates": 2, "encoding_damage": 1]),
    Files(
      train: ["eval/gsm8k_test.jsonl"], format: .completion,
      columns: ["prompt": .name("question"), "completion": .name("answer")], rows: 1319),
    // A few questions and answers in all combinations.
    Files(
      train: ["chat/vicuna_dummy_messages.jsonl"], template: "vicuna", rows: 500,
      found: ["near_duplicates": 359, "repeated_answers": 500]),
    Files(train: ["chat/kto_good_messages.jsonl"], template: "vicuna", rows: 150),
    // `</s>` in a question; Hindi and Gujarati; a character who says Ooh ooh ah ah; FranÃ§oise and ChÃ©ri.
    Files(
      train: ["chat/kto_en_demo.json"], template: "vicuna", rows: 300,
      found: [
        "special_tokens_in_texts": 1, "other_scripts": 2, "repetitive_texts": 1, "encoding_damage": 2,
      ]),
    // 38 chats are there twice, three of them with other tools.
    Files(
      train: ["chat/glaive_toolcall_en_demo.json"], template: "qwen", rows: 300,
      found: ["duplicates": 35, "near_duplicates": 3, "repeated_answers": 38]),
    Files(
      train: ["classification/sst2/train.tsv"], validation: "classification/sst2/dev.tsv",
      format: .classification, columns: ["text": .number(0), "label": .number(1)], rows: 7792,
      found: ["duplicates": 9]),
    // Emoji; tweets that are there twice, some with other labels; a mark of byte order; four phone numbers.
    Files(
      train: ["ner/wnut17/wnut17train.conll"], validation: "ner/wnut17/emerging.dev.conll",
      format: .tokenClassification, rows: 4403,
      found: [
        "unknown_tokens": 62, "duplicates": 91, "near_duplicates": 16, "conflicting_labels": 13,
        "control_characters": 1, "addresses": 4,
      ]),
    Files(
      train: ["eval/hellaswag_val_1000.jsonl"], format: .multipleChoice,
      columns: ["context": .name("query"), "choices": .name("endings")], rows: 1000),
    // Questions that are there twice with other choices, and seven with two equal choices.
    Files(
      train: ["eval/arc_easy.jsonl"], format: .multipleChoice,
      columns: ["context": .name("query"), "label": .name("gold")], rows: 2376,
      found: ["near_duplicates": 4, "identical_texts": 7]),
    Files(
      train: ["text/c4_demo.jsonl"], rows: 300, found: ["encoding_damage": 4, "addresses": 10]),
    Files(
      train: ["text/tinyshakespeare.txt", "text/the-verdict.txt", "text/wikipedia_demo_1mb.txt"], rows: 3),
    // An answer is empty, and two hold an address.
    Files(
      train: ["preference/hh-rlhf_harmless_test_500.jsonl"], format: .preference, rows: 500,
      found: ["empty_answers": 1, "addresses": 2]),
    // Six answers are chosen and rejected.
    Files(
      train: ["preference/llms_from_scratch_preference.json"], format: .preference, rows: 1100,
      found: ["near_duplicates": 1, "identical_texts": 6]),
    // Hindi; fiancÃ©; marks of byte order, and a form feed that was to be a fraction.
    Files(
      train: ["preference/dpo_en_demo.json"], format: .preference, template: "vicuna", rows: 300,
      found: ["duplicates": 5, "other_scripts": 1, "encoding_damage": 1, "control_characters": 2]),
  ]

  @Test(arguments: all) func nothingIsFoundThatIsNotThere(_ files: Files) throws {
    let folder = Project.shared(files.isLabelled ? "all-MiniLM-L6-v2" : "stories260K-hf")
    let tokenizer = try Tokenizer(folder: folder)
    let end: Int32? = files.isLabelled ? nil : 2
    let encoder = DocumentEncoder(encoding: tokenizer, endOfText: end)
    var options = DataOptions(
      train: files.train.map(Project.shared),
      validation: files.validation.map { .files([Project.shared($0)]) } ?? .none, format: files.format,
      columns: DataColumns(files.columns), packing: !files.format.isLabelled,
      sequenceLength: files.isLabelled ? 512 : 16384, seed: 0)
    options.chats = ChatOptions(template: files.template, folder: folder)
    let dataset = try Dataset(options, encoder: encoder)
    let facts = InspectionFacts(
      dataset.options, labels: dataset.labels, encoder: encoder, tokenizer: tokenizer, folder: folder,
      endsOfGeneration: [end].compactMap { $0 }, padding: files.isLabelled ? 0 : nil)
    let report = Inspection(facts, dataset: dataset).run()
    #expect(report.rows == files.rows)
    let found = report.findings.filter { $0.severity != .note }
    #expect(
      Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.rows?.found ?? 0) }) == files.found,
      "\(report.text)")
    let languages = try #require(report.finding("languages")).what
    #expect(languages.hasPrefix("languages of rows: English "), "\(languages)")
  }

  @Test func setsRan() { #expect(Self.all.count == 17) }
}

// Every check finds its fault, planted among rows that nothing is wrong with, and no other check finds anything there.
import Base
import Datasets
import Foundation
import Inspection
import Testing

@Suite struct PlantedFaultTests {
  /// A fault, where it is planted, and what tells of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    /// The check, and how many rows it must find.
    let name: String
    let rows: Int?
    let severity: Finding.Severity
    /// What other checks say of the same fault, since it is theirs too.
    var others: [String] = []
    let inspect: @Sendable () throws -> InspectionReport

    var testDescription: String { name }
  }

  /// Clean rows with some in the place of the first.
  private static func planted(_ rows: [JSON], in clean: [JSON]) -> [JSON] {
    rows + clean.dropFirst(rows.count)
  }

  private static func completion(_ prompt: String, _ answer: String) -> JSON {
    row(["prompt": .string(prompt), "completion": .string(answer)])
  }

  private static func text(_ count: Int, seed: UInt64 = 9) -> String {
    var words = Words(seed: seed)
    return words.text(count)
  }

  private static func inCompletions(
    _ rows: [JSON], _ change: (inout Setting) -> Void = { _ in }
  ) throws -> InspectionReport {
    var setting = Setting()
    change(&setting)
    return try setting.inspect(planted(rows, in: Clean.completions))
  }

  private static func inLabelled(
    _ rows: [JSON], _ change: (inout Setting) -> Void = { _ in }
  ) throws -> InspectionReport {
    var setting = Setting()
    setting.format = .classification
    change(&setting)
    return try setting.inspect(planted(rows, in: Clean.labelled()))
  }

  private static func labelled(_ text: String, _ label: String) -> JSON {
    row(["text": .string(text), "label": .string(label)])
  }

  /// A WordPiece tokenizer of the letters of English, lower case.
  private static var letters: String {
    let letters = "abcdefghijklmnopqrstuvwxyz".map { String($0) }
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + letters + letters.map { "##" + $0 }
    let vocabulary = pieces.enumerated().map { "\"\($0.element)\": \($0.offset)" }.joined(separator: ", ")
    return """
      {"version": "1.0", "added_tokens": [{"id": 1, "content": "[UNK]", "single_word": false, "lstrip": false, \
      "rstrip": false, "normalized": false, "special": true}], "normalizer": {"type": "BertNormalizer", \
      "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}, \
      "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": {"type": "WordPiece", \
      "prefix": "##", "cleanup": true}, "model": {"type": "WordPiece", "unk_token": "[UNK]", \
      "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {\(vocabulary)}}}
      """
  }

  static let tokens: [Fault] = [
    Fault(name: "refused_rows", rows: 2, severity: .mistake) {
      try inCompletions([
        row(["prompt": .string("x")]), row(["prompt": .string("x"), "completion": .integer(1)]),
      ]) { $0.format = .completion }
    },
    Fault(name: "changed_turns", rows: 80, severity: .mistake) {
      var setting = Setting()
      setting.template =
        "{% for m in messages %}[{{ m.role }}]{{ m.content if loop.last or m.role == 'user' else m.content[:1] }}<|im_end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
      return try setting.inspect(Clean.chats)
    },
    Fault(name: "changed_turns", rows: 80, severity: .warning) {
      var setting = Setting()
      setting.loss = .all
      setting.template =
        "{% for m in messages %}[{{ m.role }}]{{ m.content if loop.last or m.role == 'user' else m.content[:1] }}<|im_end|>{% endfor %}"
      return try setting.inspect(Clean.chats)
    },
    Fault(name: "doubled_beginning", rows: 2, severity: .mistake, others: ["special_tokens_in_texts"]) {
      try inCompletions([
        completion("<s>" + text(15), " " + text(20)),
        completion("<s>" + text(16, seed: 4), " " + text(9, seed: 5)),
      ])
    },
    Fault(name: "doubled_end", rows: 1, severity: .mistake, others: ["special_tokens_in_texts"]) {
      try inCompletions([completion(text(15), " yes<|endoftext|><|endoftext|>")])
    },
    Fault(name: "end_not_learned", rows: 80, severity: .mistake) {
      var setting = Setting()
      setting.template =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
      return try setting.inspect(Clean.chats)
    },
    Fault(name: "end_does_not_stop", rows: 80, severity: .warning) {
      var setting = Setting()
      setting.stops = [Folder.end]
      return try setting.inspect(Clean.chats)
    },
    Fault(name: "padding_is_target", rows: 1, severity: .mistake, others: ["special_tokens_in_texts"]) {
      try inCompletions([completion(text(15), " yes<pad><pad>")]) { $0.padding = 259 }
    },
    Fault(name: "padding_is_end", rows: nil, severity: .note) {
      try inCompletions([]) { $0.padding = Folder.end }
    },
    Fault(name: "no_targets", rows: 1, severity: .warning, others: ["answers_cut"]) {
      try inCompletions([completion(text(200), " yes")]) { $0.length = 400 }
    },
    Fault(name: "answers_cut", rows: 2, severity: .warning) {
      try inCompletions([
        completion(text(15), " " + text(100)), completion(text(15, seed: 4), " " + text(90, seed: 5)),
      ]) { $0.length = 400 }
    },
    Fault(name: "rows_cut", rows: 1, severity: .note) {
      try inLabelled([labelled(text(100), "no")]) { $0.length = 400 }
    },
    Fault(name: "merged_boundaries", rows: 1, severity: .warning) {
      try inCompletions([completion(text(15) + " ", "to be " + text(20, seed: 4))])
    },
    Fault(name: "unknown_tokens", rows: 1, severity: .note) {
      try inLabelled([labelled(text(20) + " 9 " + text(10, seed: 4), "no")]) { $0.tokenizer = letters }
    },
    Fault(name: "special_tokens_in_texts", rows: 1, severity: .warning) {
      try inCompletions([completion(text(8) + "<|im_end|>" + text(8, seed: 4), " " + text(20, seed: 5))])
    },
    Fault(name: "very_long_rows", rows: 1, severity: .note) {
      try inCompletions([completion(text(15), " " + text(4000, seed: 4))]) { $0.length = 1 << 16 }
    },
  ]

  static let rowsBesideRows: [Fault] = [
    Fault(name: "duplicates", rows: 2, severity: .warning) {
      try inCompletions([Clean.completions[40], Clean.completions[50]])
    },
    Fault(name: "near_duplicates", rows: 1, severity: .warning) {
      let (prompt, answer) = (text(15), text(60, seed: 4))
      return try inCompletions([
        completion(prompt, " " + answer), completion(prompt, " " + answer + " Indeed!"),
      ])
    },
    Fault(name: "validation_in_training", rows: 2, severity: .warning) {
      try inCompletions([]) {
        $0.validation = [
          Clean.completions[3], Clean.completions[3], completion(text(15), " " + text(20, seed: 4)),
        ]
      }
    },
    Fault(
      name: "validation_near_training", rows: 1, severity: .warning, others: ["validation_words_in_training"]
    ) {
      let (prompt, answer) = (text(15), text(60, seed: 4))
      return try inCompletions([completion(prompt, " " + answer)]) {
        $0.validation = [
          completion(prompt, " " + answer + " Indeed!"),
          completion(text(15, seed: 6), " " + text(20, seed: 7)),
        ]
      }
    },
    Fault(name: "validation_words_in_training", rows: 1, severity: .warning) {
      let answer = text(40, seed: 4)
      return try inCompletions([completion(text(15), " " + answer)]) {
        $0.validation = [completion(text(15, seed: 6), " " + text(15, seed: 7) + " " + answer)]
      }
    },
    Fault(name: "evaluation_in_data", rows: 1, severity: .warning) {
      let question = text(15, seed: 4)
      return try inCompletions([completion("A quiz: " + question, " " + text(20))]) {
        $0.against = [
          row(["question": .string(question), "answer": .string("B")]),
          row(["question": .string(text(15, seed: 8))]),
        ]
      }
    },
  ]

  static let answers: [Fault] = [
    Fault(name: "empty_answers", rows: 2, severity: .warning) {
      try inCompletions([completion(text(15), ""), completion(text(15, seed: 4), " \n")])
    },
    Fault(name: "repeated_answers", rows: 12, severity: .warning) {
      try inCompletions(
        (0..<12).map { completion(text(15, seed: 20 + $0), " That is a thing I cannot help you with.") })
    },
    Fault(name: "role_order", rows: 2, severity: .warning) {
      try Setting().inspect(
        planted(
          [
            Clean.chat([("user", text(10)), ("assistant", text(10, seed: 4)), ("user", text(9, seed: 5))]),
            Clean.chat([
              ("user", text(12, seed: 6)), ("user", text(12, seed: 7)), ("assistant", text(9, seed: 8)),
            ]),
          ], in: Clean.chats))
    },
    Fault(name: "system_prompts", rows: 1, severity: .note) {
      try Setting().inspect(
        planted(
          [Clean.chat([("system", text(8)), ("user", text(10, seed: 4)), ("assistant", text(10, seed: 5))])],
          in: Clean.chats))
    },
    Fault(name: "label_balance", rows: nil, severity: .warning) {
      try inLabelled([labelled(text(25), "perhaps"), labelled(text(25, seed: 4), "perhaps")])
    },
    Fault(name: "conflicting_labels", rows: 1, severity: .warning) {
      try inLabelled([labelled(text(25), "no"), labelled(text(25), "yes")])
    },
    Fault(name: "labels_only_in_validation", rows: 1, severity: .mistake, others: ["label_balance"]) {
      try inLabelled([]) {
        $0.labels = ["no", "yes", "perhaps"]
        $0.validation = [labelled(text(25), "perhaps"), labelled(text(25, seed: 4), "no")]
      }
    },
    Fault(name: "identical_texts", rows: 1, severity: .warning) {
      var setting = Setting()
      setting.format = .embedding
      let pairs = (0..<UInt64(Clean.count)).map { number in
        row([
          "anchor": .string(text(12, seed: 100 + number)),
          "positive": .string(text(12, seed: number == 0 ? 100 : 300 + number)),
        ])
      }
      return try setting.inspect(pairs)
    },
    Fault(name: "identical_texts", rows: 1, severity: .warning) {
      try preferences {
        row(["prompt": .string($0), "chosen": .string($1), "rejected": .string($1)])
      }
    },
    Fault(name: "empty_answers", rows: 1, severity: .warning) {
      try preferences { prompt, _ in
        row(["prompt": .string(prompt), "chosen": .string(" yes"), "rejected": .string(" ")])
      }
    },
    Fault(name: "doubled_end", rows: 1, severity: .mistake, others: ["special_tokens_in_texts"]) {
      try preferences { prompt, answer in
        row([
          "prompt": .string(prompt), "chosen": .string(answer + "<|endoftext|><|endoftext|>"),
          "rejected": .string(" no"),
        ])
      }
    },
  ]

  /// Pairs of answers, of which the first is another.
  private static func preferences(_ fault: (_ prompt: String, _ answer: String) -> JSON) throws
    -> InspectionReport
  {
    var setting = Setting()
    setting.format = .preference
    let pairs = (0..<UInt64(Clean.count)).map { number in
      let (prompt, answer) = (text(12, seed: 100 + number), " " + text(20, seed: 300 + number))
      return number == 0
        ? fault(prompt, answer)
        : row([
          "prompt": .string(prompt), "chosen": .string(answer),
          "rejected": .string(" " + text(20, seed: 500 + number)),
        ])
    }
    return try setting.inspect(pairs)
  }

  static let texts: [Fault] = [
    Fault(name: "other_scripts", rows: 2, severity: .warning) {
      try inCompletions([
        completion("Как дела у вас сегодня, и что вы хотели бы знать об этом?", " Всё хорошо, спасибо."),
        completion("Где находится новая библиотека нашего города сейчас?", " Она находится на площади."),
      ])
    },
    Fault(name: "repetitive_texts", rows: 1, severity: .warning) {
      let loop = String(repeating: " and then it was evening again", count: 12)
      return try inCompletions([completion(text(15), loop)])
    },
    Fault(name: "encoding_damage", rows: 3, severity: .warning) {
      try inCompletions([
        completion(text(15), " It isnâ€™t here."), completion(text(15, seed: 4), " A cafÃ© is here."),
        completion(text(15, seed: 5), " It is \u{FFFD} here."),
      ])
    },
    Fault(name: "control_characters", rows: 2, severity: .warning) {
      try inCompletions([
        completion(text(15), " It is\u{8} here."), completion(text(15, seed: 4), " It is\u{FEFF} here."),
      ])
    },
    Fault(name: "secrets", rows: 1, severity: .warning) {
      try inCompletions([completion(text(15), " Use AKIAQ3EGRIV7YB2ZT6WN for it.")])
    },
    Fault(name: "addresses", rows: 1, severity: .warning) {
      try inCompletions([completion(text(15), " Write to maria.lopez@postkasten.de today.")])
    },
  ]

  static let all = tokens + rowsBesideRows + answers + texts

  @Test(arguments: all) func isFoundByItsCheckAndByNoOther(_ fault: Fault) throws {
    let report = try fault.inspect()
    let finding = try #require(report.finding(fault.name), "\(report.names)")
    #expect(finding.severity == fault.severity)
    #expect(finding.rows?.found == fault.rows, "\(finding.sentence)")
    // What every report has: the languages, and for rows with labels their shares.
    let usual = Set(["languages", "label_balance", fault.name] + fault.others)
    #expect(Set(report.names).subtracting(usual).isEmpty, "\(report.text)")
    #expect(Set(fault.others).isSubset(of: report.names), "\(report.names)")
    #expect(fault.rows == nil || (1...3).contains(finding.examples.count))
    for example in finding.examples where fault.name != "padding_is_end" {
      #expect(example.place.contains(".jsonl:"), "\(example)")
    }
  }

  @Test func everyCheckHasAFault() {
    let found = Set(Self.all.map(\.name) + ["languages"])
    #expect(Self.all.count == 39)
    #expect(Set(Checks.all.map { $0.name }) == found)
  }

  /// Nothing is found where nothing is wrong, but for what every report tells.
  @Test func cleanRowsHaveNoFindings() throws {
    #expect(try Setting().inspect(Clean.completions).names == ["languages"])
    #expect(try Setting().inspect(Clean.chats).names == ["languages"])
    var labelled = Setting()
    labelled.format = .classification
    let report = try labelled.inspect(Clean.labelled())
    #expect(report.names == ["label_balance", "languages"])
    #expect(report.finding("label_balance")?.severity == .note)
    #expect(report.rows == Clean.count)
  }
}

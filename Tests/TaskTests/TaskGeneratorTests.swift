import Base
import Datasets
import Foundation
import Tasks
import Testing

@Suite struct TaskGeneratorTests {
  static let train = Result { try TaskGenerator(seed: 1).rows(count: 13_000, part: .train) }
  static let heldOut = Result { try TaskGenerator(seed: 1).rows(count: 390, part: .heldOut) }

  @Test func theSameSeedGivesTheSameRows() throws {
    let rows = try Self.train.get()
    #expect(try TaskGenerator(seed: 1).rows(count: 13_000, part: .train) == rows)
    #expect(try TaskGenerator(seed: 2).rows(count: 13_000, part: .train) != rows)
    // Fewer rows are the beginning of more rows.
    #expect(try TaskGenerator(seed: 1).rows(count: 100, part: .train) == Array(rows.prefix(100)))
  }

  @Test func heldOutQuestionsAreInNoTrainingSet() throws {
    let held = Set(try Self.heldOut.get().map(\.prompt))
    #expect(held.count == 390)
    var checked = 0
    for seed in 1...3 as ClosedRange<UInt64> {
      let rows = try TaskGenerator(seed: seed).rows(count: 5000, part: .train)
      #expect(held.isDisjoint(with: rows.map(\.prompt)))
      #expect(!rows.contains { TaskGenerator.isHeldOut($0.prompt) })
      checked += 1
    }
    #expect(checked == 3)
    #expect(held.allSatisfy { TaskGenerator.isHeldOut($0) })
  }

  @Test func everyAnswerIsRight() throws {
    var checked: [String: Int] = [:]
    for row in try Self.train.get() + Self.heldOut.get() {
      let answer = AnswerCheck.answer(row.task, row.prompt)
      #expect(answer.map { " " + $0 } == row.completion, "\(row.task): \(row.prompt)")
      checked[row.task, default: 0] += 1
    }
    #expect(Set(checked.keys) == AnswerCheck.kinds)
    #expect(checked.values.allSatisfy { $0 == 1030 })
  }

  @Test func kindsAreBalancedInEveryStretch() throws {
    let names = TaskCatalogue.all.map(\.name)
    #expect(Set(names).count == names.count)
    let rows = try TaskGenerator(seed: 5).rows(count: 40, part: .train)
    #expect(rows.map(\.task) == (0..<40).map { names[$0 % names.count] })
  }

  /// Longer rows would cost training time, and the smallest models have few positions.
  @Test func rowsAreShortAndPlain() throws {
    let rows = try Self.train.get() + Self.heldOut.get()
    let sizes = rows.map { $0.prompt.utf8.count + $0.completion.utf8.count }
    #expect(try #require(sizes.max()) < 48)
    #expect(rows.allSatisfy { ($0.prompt + $0.completion).utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } })
    #expect(rows.allSatisfy { $0.completion.hasPrefix(" ") && $0.completion.utf8.count > 1 })
  }

  /// A model could only guess a fact that no training row tells. For kinds that are lists of facts, the held-out part
  /// therefore asks in other words. Zeros appended to a number are a rule, not a list.
  @Test func heldOutFactsAreTrainedInOtherWords() throws {
    let facts: Set<String> = ["calendar", "opposite", "number-in-words", "unit-conversion", "addition"]
    func key(_ row: TaskRow) -> String {
      let words = row.prompt.dropLast().split(separator: " ").map(String.init)
      let numbers = words.filter { Int($0) != nil }.sorted()
      let subject: [String] =
        switch row.task {
        case "calendar": words.filter { AnswerCheck.calendarNames.contains($0) }
        case "unit-conversion": words.filter { ["hours", "weeks"].contains($0) }
        default: []  // The numbers or, for an opposite, the answer alone say which fact it is.
        }
      return ([row.task] + subject + numbers + [row.completion]).joined(separator: " ")
    }
    func isFact(_ row: TaskRow) -> Bool {
      facts.contains(row.task)
        && (row.task != "unit-conversion" || row.prompt.contains("hours") || row.prompt.contains("weeks"))
    }
    let trained = Set(try Self.train.get().filter(isFact).map(key))
    let asked = try Self.heldOut.get().filter(isFact)
    #expect(asked.count > 4 * 30 && asked.count < 5 * 30)
    #expect(asked.filter { !trained.contains(key($0)) }.map(\.prompt) == [])
  }

  @Test func aKindWithTooFewHeldOutQuestionsSaysSo() throws {
    let error = #expect(throws: UserError.self) {
      try TaskGenerator(seed: 1).rows(count: 13_000, part: .heldOut)
    }
    let text = try #require(error).description
    #expect(text.hasPrefix("the kind first-letter has only "))
    #expect(text.contains("held-out questions, not 1000 (ask for at most "))
  }

  @Test func writtenRowsAreReadByDatasets() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "tasks-\(UUID().uuidString).jsonl"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rows = try Self.heldOut.get()
    try TaskGenerator.write(rows, to: path)
    let first = try #require(String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").first)
    #expect(first == "{\"prompt\": \"\(rows[0].prompt)\", \"completion\": \"\(rows[0].completion)\"}")
    let data = try Dataset(
      DataOptions(train: [path], packing: false, sequenceLength: 48, seed: 1),
      encoder: DocumentEncoder(encoding: Bytes(), endOfText: 256))
    #expect(data.train.count == rows.count)
    #expect(data.summary.trainFiles.files[0].format == .completion)
    #expect(data.summary.train.targets == rows.reduce(0) { $0 + $1.completion.utf8.count + 1 })
    #expect(throws: UserError.self) { try TaskGenerator.write(rows, to: "/nowhere/at/all.jsonl") }
  }

  struct Bytes: TextEncoding {
    func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32] { text.map(Int32.init) }
  }
}

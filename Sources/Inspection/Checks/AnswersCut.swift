// Answers that lose their end to the length of a sequence: the model learns answers that break off.
import Base
import Datasets

final class AnswersCut: Check {
  static let name = "answers_cut"
  static let readsTexts = false
  private let length: Int
  private var tally = Tally()
  private var lost = 0
  private var longest = 0

  init?(_ facts: InspectionFacts) {
    guard facts.learnsNextTokens else { return nil }
    length = facts.options.sequenceLength
  }

  func look(at row: InspectedRow) {
    guard let counts = row.counts, counts.format != .text, row.refusal == nil else { return }
    tally.count(found: counts.cutAnswers, of: counts.rows, at: row.place) {
      row.example == nil ? "" : "\(grouped(counts.cutTargets)) of its tokens: \(row.answerBeginning)"
    }
    lost += counts.cutTargets
    if row.example != nil { longest = max(longest, counts.tokens) }
  }

  func findings() -> [Finding] {
    let fits = longest > length ? "; \(grouped(longest)) holds every row" : ""
    return tally.finding(
      Self.self, .warning,
      "rows whose answer is cut off, with \(grouped(lost)) tokens of answers in all",
      advice: "raise data.sequence_length (\(grouped(length)))\(fits), or take long rows out")
  }
}

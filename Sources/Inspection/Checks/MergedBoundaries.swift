// Answers that begin inside the last token of their prompt, where nothing is learned.
import Base

final class MergedBoundaries: Check {
  static let name = "merged_boundaries"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard let counts = row.counts, row.refusal == nil else { return }
    tally.count(found: counts.mergedBoundaries, of: counts.rows, at: row.place) {
      counts.mergedExample.map { "\($0.promptEnd.quoted) + \($0.answerStart.quoted)" } ?? ""
    }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "answers that begin inside the last token of their prompt",
      advice: "move a space at the end of prompts to the beginning of answers")
  }
}

// Rows that lose other tokens than those of answers.
import Base
import Datasets

final class RowsCut: Check {
  static let name = "rows_cut"
  static let readsTexts = false
  private let length: Int
  private var tally = Tally()
  private var lost = 0

  init?(_ facts: InspectionFacts) { length = facts.options.sequenceLength }

  func look(at row: InspectedRow) {
    guard let counts = row.counts, row.refusal == nil else { return }
    let isText = counts.format == .text
    tally.count(
      found: isText ? counts.cutRows : max(0, counts.cutRows - counts.cutAnswers), of: counts.rows,
      at: row.place
    ) { row.example == nil ? "" : row.beginning }
    lost += isText ? counts.cutTokens : counts.cutTokens - counts.cutTargets
  }

  func findings() -> [Finding] {
    // What a classifier loses of some long texts is seldom missed.
    let severity = tally.found * 20 >= tally.seen ? Finding.Severity.warning : .note
    return tally.finding(
      Self.self, severity, "rows that are cut, with \(grouped(lost)) tokens in all",
      advice: "raise data.sequence_length (\(grouped(length))), or cut long texts where it makes sense")
  }
}

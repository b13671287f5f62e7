// Rows from which nothing is learned, such as those whose prompt fills the sequence.
import Base

final class RowsWithoutTargets: Check {
  static let name = "no_targets"
  static let readsTexts = false
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard let counts = row.counts, row.refusal == nil else { return }
    tally.count(found: counts.rowsWithoutTargets, of: counts.rows, at: row.place) {
      row.example == nil ? "" : row.beginning
    }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows without a token to learn",
      advice:
        "raise data.sequence_length if prompts fill it, give each prompt an answer, or take the rows out")
  }
}

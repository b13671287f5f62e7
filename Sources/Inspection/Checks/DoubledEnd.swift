// Rows that end in the same special token twice.
import Base

final class DoubledEnd: Check {
  static let name = "doubled_end"
  static let readsTexts = false
  private var doubled: DoubledToken

  init?(_ facts: InspectionFacts) { doubled = DoubledToken(.end, facts) }

  func look(at row: InspectedRow) { doubled.look(at: row) }

  func findings() -> [Finding] {
    doubled.findings(
      Self.self, advice: "swiftdp ends texts itself: take it out of the texts, or of the template")
  }
}

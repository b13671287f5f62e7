// Rows that begin with the same special token twice: the text or a template spells what the tokenizer adds.
import Base

final class DoubledBeginning: Check {
  static let name = "doubled_beginning"
  static let readsTexts = false
  private var doubled: DoubledToken

  init?(_ facts: InspectionFacts) { doubled = DoubledToken(.beginning, facts) }

  func look(at row: InspectedRow) { doubled.look(at: row) }

  func findings() -> [Finding] {
    doubled.findings(
      Self.self, advice: "the tokenizer adds it already: take it out of the texts, or of the template")
  }
}

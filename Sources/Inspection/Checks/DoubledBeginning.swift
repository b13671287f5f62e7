// Rows that begin with the same special token twice: the text or a template spells what the tokenizer adds.
import Base

final class DoubledBeginning: Check {
  static let name = "doubled_beginning"
  static let readsTexts = false
  private let facts: InspectionFacts
  private var tally = Tally()
  private var token: Int32?

  init?(_ facts: InspectionFacts) { self.facts = facts }

  func look(at row: InspectedRow) {
    guard let tokens = row.tokens, !tokens.isEmpty else { return }
    let doubled = tokens.parts.first { part in
      part.count >= 2 && part[part.startIndex] == part[part.startIndex + 1]
        && facts.tokenizer.isSpecial(part[part.startIndex])
    }
    token = token ?? doubled?.first
    tally.count(row, has: doubled != nil) { facts.excerpt(doubled?.prefix(24) ?? []) }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .mistake, "rows that begin with \(token.map(facts.spelling) ?? "") twice",
      advice: "the tokenizer adds it already: take it out of the texts, or of the template")
  }
}

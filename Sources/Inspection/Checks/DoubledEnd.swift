// Rows that end in the same special token twice.
import Base

final class DoubledEnd: Check {
  static let name = "doubled_end"
  static let readsTexts = false
  private let facts: InspectionFacts
  private var tally = Tally()
  private var token: Int32?

  init?(_ facts: InspectionFacts) { self.facts = facts }

  func look(at row: InspectedRow) {
    guard let tokens = row.tokens, !tokens.isEmpty else { return }
    let doubled = tokens.parts.first { part in
      part.count >= 2 && part[part.endIndex - 1] == part[part.endIndex - 2]
        && facts.tokenizer.isSpecial(part[part.endIndex - 1])
    }
    token = token ?? doubled?.last
    tally.count(row, has: doubled != nil) { facts.excerpt(doubled?.suffix(24) ?? []) }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .mistake, "rows that end in \(token.map(facts.spelling) ?? "") twice",
      advice: "swiftdp ends texts itself: take it out of the texts, or of the template")
  }
}

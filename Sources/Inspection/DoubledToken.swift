// Parts of rows that begin or end with the same special token twice.
import Base

struct DoubledToken {
  enum Place { case beginning, end }

  private let place: Place
  private let facts: InspectionFacts
  private var tally = Tally()
  private var token: Int32?

  init(_ place: Place, _ facts: InspectionFacts) { (self.place, self.facts) = (place, facts) }

  mutating func look(at row: InspectedRow) {
    guard let tokens = row.tokens, !tokens.isEmpty else { return }
    let doubled = tokens.parts.first { part in
      let two = place == .beginning ? part.prefix(2) : part.suffix(2)
      guard two.count == 2, let first = two.first, first == two.last else { return false }
      return facts.tokenizer.isSpecial(first)
    }
    token = token ?? (place == .beginning ? doubled?.first : doubled?.last)
    tally.count(row, has: doubled != nil) { [facts, place] in
      facts.excerpt((place == .beginning ? doubled?.prefix(24) : doubled?.suffix(24)) ?? [])
    }
  }

  func findings(_ check: any Check.Type, advice: String) -> [Finding] {
    let verb = place == .beginning ? "begin with" : "end in"
    return tally.finding(
      check, .mistake, "rows that \(verb) \(token.map(facts.spelling) ?? "") twice", advice: advice)
  }
}

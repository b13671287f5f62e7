// What the vocabulary does not know.
import Base

final class UnknownTokens: Check {
  static let name = "unknown_tokens"
  static let readsTexts = false
  private let facts: InspectionFacts
  private let unknown: Int32
  private var tally = Tally()
  private var (found, all) = (0, 0)

  init?(_ facts: InspectionFacts) {
    guard let unknown = facts.unknown else { return nil }
    self.facts = facts
    self.unknown = unknown
  }

  func look(at row: InspectedRow) {
    guard let tokens = row.tokens, !tokens.isEmpty else { return }
    let count = tokens.count(of: unknown)
    found += count.found
    all += count.all
    tally.count(row, has: count.found > 0) {
      row.example.flatMap { _ in unknownText(row) } ?? facts.excerpt(tokens.parts.first?.prefix(24) ?? [])
    }
  }

  /// Where it stands in the texts of a row.
  private func unknownText(_ row: InspectedRow) -> String? {
    for text in row.texts {
      let placed = facts.tokenizer.encodeWithPlaces(text.bytes)
      guard let token = placed.tokens.firstIndex(of: unknown) else { continue }
      return Excerpt.text(text.bytes, around: placed.places[token])
    }
    return nil
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, found * 1000 >= all ? .warning : .note,
      "rows with \(facts.spelling(unknown)), which is \(percent(found, of: all)) of all tokens",
      advice: "the vocabulary lacks these characters or words: is it the tokenizer of the data's language?")
  }
}

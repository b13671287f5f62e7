// Rows that learn the token that other programs pad with.
import Base

final class PaddingIsTarget: Check {
  static let name = "padding_is_target"
  static let readsTexts = false
  private let facts: InspectionFacts
  private let padding: Int32
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {
    // Where padding is the end too, it is learned once for each row.
    guard let padding = facts.padding, facts.learnsNextTokens, padding != facts.unknown,
      padding != facts.encoder.endOfText, !facts.stops(at: padding)
    else { return nil }
    self.facts = facts
    self.padding = padding
  }

  func look(at row: InspectedRow) {
    guard let tokens = row.tokens, !tokens.isEmpty, tokens.areNextTokens else { return }
    tally.count(row, has: tokens.predicts(padding)) { facts.excerpt(tokens.lastTargets(24)[...]) }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .mistake, "rows that learn to write the padding, \(facts.spelling(padding))",
      advice:
        "the texts hold padding already: take it out, since swiftdp pads rows itself and learns nothing there"
    )
  }
}

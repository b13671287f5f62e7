// Answers that end in a token at which generation does not stop.
import Base

final class EndDoesNotStop: Check {
  static let name = "end_does_not_stop"
  static let readsTexts = false
  private let facts: InspectionFacts
  private var tally = Tally()
  private var token: Int32?

  init?(_ facts: InspectionFacts) {
    guard facts.learnsToWrite else { return nil }
    self.facts = facts
  }

  func look(at row: InspectedRow) {
    guard let tokens = row.tokens, tokens.isWhole, tokens.areNextTokens else { return }
    let last = tokens.lastTargets(2)
    guard let end = last.last(where: facts.isEnd) else { return }
    let isDeaf = !facts.stops(at: end)
    if isDeaf, token == nil { token = end }
    tally.count(row, has: isDeaf) { facts.excerpt(tokens.lastTargets(24)[...]) }
  }

  func findings() -> [Finding] {
    let end = token.map(facts.spelling) ?? ""
    return tally.finding(
      Self.self, .warning, "rows whose last answer ends in \(end), at which generation does not stop",
      advice:
        "add \(token.map { "\($0)" } ?? "") to eos_token_id of the model's generation_config.json (swiftdp chat stops there anyway)"
    )
  }
}

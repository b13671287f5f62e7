// Rows whose answer has no end among what is learned: the model would not know when to stop.
import Base
import Datasets

final class EndNotLearned: Check {
  static let name = "end_not_learned"
  static let readsTexts = false
  private let facts: InspectionFacts
  private var tally = Tally()
  /// Whether templates end answers; a file tells its format before its rows come.
  private var hasChats = false

  init?(_ facts: InspectionFacts) {
    guard facts.learnsToWrite else { return nil }
    if case .roles(let roles) = facts.options.chats.loss, !roles.contains(ChatLoss.assistant) { return nil }
    self.facts = facts
  }

  func look(at row: InspectedRow) {
    if row.counts?.format == .messages { hasChats = true }
    guard let tokens = row.tokens, tokens.isWhole, tokens.areNextTokens else { return }
    // A template may write a line end behind the end of the last turn.
    let last = tokens.lastTargets(24)
    guard !last.isEmpty else { return }
    tally.count(row, has: !facts.endsTurn(last)) { facts.excerpt(last[...]) }
  }

  func findings() -> [Finding] {
    let hasNone = facts.encoder.endOfText == nil && !hasChats
    return tally.finding(
      Self.self, hasNone ? .warning : .mistake,
      "rows whose last answer has no end that is learned"
        + (hasNone ? ", since the model has no end of text (eos_token_id of config.json)" : ""),
      advice: hasNone
        ? "give config.json an eos_token_id if the model has such a token; otherwise generated texts end by their length only"
        : "take a template that writes an end behind each answer, within {% generation %} where it has such blocks"
    )
  }
}

extension InspectionFacts {
  /// Whether some last tokens hold the end of a text or of a turn, but for white space behind it.
  fileprivate func endsTurn(_ last: [Int32]) -> Bool {
    if last.suffix(2).contains(where: isEnd) { return true }
    let text = Array(tokenizer.decode(last, skipSpecialTokens: false).utf8)
    let end = text.lastIndex { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }.map { $0 + 1 } ?? 0
    return turnEnds.contains { text[..<end].suffix($0.count).elementsEqual($0) }
  }

  /// Some tokens in one line, special ones as they are spelled.
  func excerpt(_ tokens: ArraySlice<Int32>) -> String {
    Excerpt.text(Array(tokenizer.decode(tokens, skipSpecialTokens: false).utf8))
  }
}

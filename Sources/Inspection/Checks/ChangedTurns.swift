// Chats whose template writes an answer in another way once there are messages behind it: a model would learn a text
// that it never writes, and never sees.
import Base
import Datasets

final class ChangedTurns: Check {
  static let name = "changed_turns"
  static let readsTexts = true
  private var tally = Tally()
  /// Whether training refuses such rows, since it cannot tell which tokens are whose.
  private var areRefused = false

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard case .chat(let conversation)? = row.example, row.tokens != nil || row.refusal != nil else { return }
    let isRefused = row.refusal?.cause == .changedTurn
    if isRefused { areRefused = true }
    tally.count(row, has: isRefused || row.changedTurn != nil) {
      guard let refusal = row.refusal else {
        let message = row.changedTurn ?? 0
        return "message \(message + 1): \(Excerpt.text(conversation.messages[message].content))"
      }
      return refusal.what
    }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, areRefused ? .mistake : .warning,
      "chats whose template writes an answer in another way once messages follow",
      advice: areRefused
        ? "set data.loss=last_answer or all, or data.template to one with {% generation %}"
        : "answers are learned as the template writes them within the whole chat; cut chats behind the answer that counts if that is not meant"
    )
  }
}

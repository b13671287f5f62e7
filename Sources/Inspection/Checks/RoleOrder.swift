// Chats whose roles come in an order that no conversation has.
import Base
import Datasets

final class RoleOrder: Check {
  static let name = "role_order"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) { guard facts.learnsNextTokens else { return nil } }

  func look(at row: InspectedRow) {
    guard case .chat(let chat)? = row.example else { return }
    let mistake = Self.mistake(chat.messages)
    tally.count(row, has: mistake != nil) { mistake ?? "" }
  }

  /// What is wrong with the order, in words; nil where nothing is.
  static func mistake(_ messages: [Conversation.Message]) -> String? {
    let assistant = ChatLoss.assistant
    var before: Conversation.Message?
    for (number, message) in messages.enumerated() {
      defer { before = message }
      func says(_ words: String) -> String {
        "message \(number + 1), of role \(message.role.printable(20)), \(words)"
      }
      switch message.role {
      case "system" where number > 0: return says("stands behind others")
      case "user" where before?.role == "user": return says("follows another of user")
      case assistant where before == nil || before?.role == "system": return says("has no question before it")
      case assistant where before?.role == assistant && before?.calls == nil:
        return says("follows another of assistant")
      case "tool" where before?.role != "tool" && before?.calls == nil: return says("answers no call")
      default: break
      }
    }
    guard let last = messages.last, last.role != assistant else { return nil }
    return "the last message, of role \(last.role.printable(20)), has no answer"
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "chats whose messages come in an unusual order",
      advice: "look whether messages are missing or have a wrong role; what has no answer teaches nothing")
  }
}

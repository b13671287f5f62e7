// Which tokens of a chat are learned: `data.loss` of a recipe.

package enum ChatLoss: Equatable, Sendable {
  /// What the assistant says, in all turns, with the end of each.
  case answers
  /// The last of these turns.
  case lastAnswer
  /// Every token.
  case all
  /// The turns of these roles.
  case roles([String])

  /// The role that a model plays.
  package static let assistant = "assistant"

  /// Whether a message is learned.
  func takes(_ message: Int, of conversation: Conversation) -> Bool {
    let messages = conversation.messages
    guard messages[message].counts else { return false }
    switch self {
    case .all: return true
    case .answers: return messages[message].role == Self.assistant
    case .lastAnswer: return message == messages.lastIndex { $0.role == Self.assistant }
    case .roles(let roles): return roles.contains(messages[message].role)
    }
  }
}

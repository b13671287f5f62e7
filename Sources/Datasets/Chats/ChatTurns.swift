// Which tokens of a chat belong to which message, and whether its template writes a message in one way only.
import Base
import Templates

extension ChatEncoder {
  /// The first answer that the template writes in another way once messages stand behind it, counted from 0; nil where
  /// there is none. What the template refuses to write tells nothing.
  package func changedTurn(of conversation: Conversation) -> Int? {
    let messages = conversation.messages
    let answers = messages.indices.dropLast().filter { messages[$0].role == ChatLoss.assistant }
    guard !answers.isEmpty else { return nil }
    let shaped = conversation.shaped(for: template)
    guard let whole = try? render(shaped, messages.count, prompts: false).text else { return nil }
    return answers.first { answer in
      guard let part = try? render(shaped, answer + 1, prompts: false).text else { return false }
      return !whole.starts(with: part)
    }
  }

  /// The tokens of each message, with what the template writes around it, and its role. Messages that the template
  /// writes in another way once there are later ones are left out, since their tokens cannot be told.
  /// - Throws: what the template raises for the whole chat.
  package func turns(
    of conversation: Conversation
  ) throws(ChatMistake) -> [(role: String, tokens: Range<Int>)] {
    let shaped = conversation.shaped(for: template)
    let count = shaped.messages.count
    let whole = try render(shaped, count, prompts: false).text
    let places = encoding.encodeWithPlaces(whole).places
    var turns: [(role: String, tokens: Range<Int>)] = []
    var (byte, token) = (0, 0)
    for message in 0..<count {
      let end =
        message == count - 1 ? whole : (try? render(shaped, message + 1, prompts: false).text) ?? []
      guard end.count >= byte, whole.starts(with: end) else { continue }
      byte = end.count
      let first = token
      while token < places.count, places[token].lowerBound < byte { token += 1 }
      turns.append((shaped.messages[message].role, first..<token))
    }
    return turns
  }
}

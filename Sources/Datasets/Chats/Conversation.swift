// A chat as a row of data tells it, in the form that chat templates read.
import Base

/// The messages of a chat, and what its template is told beside them.
package struct Conversation: Equatable, Sendable {
  /// One message, as templates see it.
  package struct Message: Equatable, Sendable {
    /// An object with `role`, `content` and perhaps more.
    package var json: JSON
    package var role: String
    /// Whether it may carry a loss: not where its row says `weight: 0`, and not in a prompt.
    package var counts: Bool

    package init(json: JSON, role: String, counts: Bool = true) {
      self.json = json
      self.role = role
      self.counts = counts
    }
  }

  package var messages: [Message]
  /// A list of JSON schemas; nil for none.
  package var tools: JSON?
  /// More variables of the template: `chat_template_kwargs`.
  package var extra: [JSON.Member]

  package init(messages: [Message], tools: JSON? = nil, extra: [JSON.Member] = []) {
    self.messages = messages
    self.tools = tools
    self.extra = extra
  }

  /// The first messages.
  func prefix(_ count: Int) -> JSON { .array(messages.prefix(count).map(\.json)) }
}

extension Conversation.Message {
  /// A message whose content is a text.
  package init(role: String, text: [UInt8], counts: Bool = true) {
    self.init(
      json: .object([
        JSON.Member(key: Array("role".utf8), value: .string(role)),
        JSON.Member(key: Array("content".utf8), value: .string(text)),
      ]), role: role, counts: counts)
  }
}

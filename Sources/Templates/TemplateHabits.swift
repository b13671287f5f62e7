// What a template expects of messages, told by its source: templates have no other way to say it.

extension ChatTemplate {
  /// Whether it goes through the parts of a content; others write a list as Python shows it.
  package var readsParts: Bool {
    says([
      "content is string", "content'] is string", "content\"] is string", "content is not string",
      "is iterable",
      "in message.content", "in message['content']", "in message[\"content\"]", "in content",
    ])
  }

  /// Whether it takes the arguments of a tool as a text too; others write that text as JSON once more.
  package var readsArgumentsAsText: Bool {
    says([
      "arguments is string", "arguments'] is string", "arguments\"] is string", "arguments is not string",
    ])
  }

  private func says(_ words: [String]) -> Bool {
    let text = String(decoding: source, as: UTF8.self)
    return words.contains { text.contains($0) }
  }
}

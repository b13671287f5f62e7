// What formats of chats read of their rows: lists of messages, tools, and variables of the template.
import Base

extension RowFormat {
  /// The messages of a column: a list of them, or a text or one message where its role is known.
  func messages(
    _ column: String, _ row: DataRow, counts: Bool = true, role: String? = nil
  ) throws(RowMistake) -> [Conversation.Message] {
    try messages(in: try row.value(column, self), column, row, counts: counts, role: role)
  }

  /// The same of a value that stands in a column.
  func messages(
    in value: JSON, _ column: String, _ row: DataRow, counts: Bool = true, role: String? = nil
  ) throws(RowMistake) -> [Conversation.Message] {
    if let role, let text = value.bytes { return [.init(role: role, text: text, counts: counts)] }
    let alone = role != nil && value.members != nil ? [value] : nil
    guard let elements = value.elements ?? alone else {
      throw RowMistake("\(row.spelling(column)) must be a list of messages, but is \(value.kind)")
    }
    var messages: [Conversation.Message] = []
    for (index, element) in elements.enumerated() {
      do throws(RowMistake) {
        var message = try Conversation.Message(element)
        message.counts = message.counts && counts
        messages.append(message)
      } catch {
        throw RowMistake("message \(index + 1) of \(row.spelling(column)) \(error.what)", hint: error.hint)
      }
    }
    return messages
  }

  /// A list of schemas, or the JSON of one as a text.
  func tools(_ row: DataRow) throws(RowMistake) -> JSON? {
    guard row.has("tools") else { return nil }
    var value = try row.value("tools", self)
    if let text = value.bytes {
      if text.allSatisfy({ $0 == 0x20 }) { return nil }
      guard let parsed = try? JSON.parse(text, takesLargeNumbers: true) else {
        throw RowMistake("\(row.spelling("tools")) is a text that is not JSON")
      }
      value = parsed
    }
    guard let elements = value.elements else {
      throw RowMistake("\(row.spelling("tools")) must be a list of tools, but is \(value.kind)")
    }
    return elements.isEmpty ? nil : value
  }

  /// More variables of the template.
  func templateVariables(_ row: DataRow) throws(RowMistake) -> [JSON.Member] {
    guard row.has("chat_template_kwargs") else { return [] }
    let value = try row.value("chat_template_kwargs", self)
    guard let members = value.members else {
      throw RowMistake("\(row.spelling("chat_template_kwargs")) must be an object, but is \(value.kind)")
    }
    return members
  }
}

// A chat in the form that its template can read: templates differ in what they take for a content and for arguments.
import Base
import Templates

extension Conversation {
  /// The same chat, where parts of a content become one text for templates that do not go through them, and arguments
  /// of tools become objects for templates that write them as JSON.
  func shaped(for template: ChatTemplate) -> Conversation {
    var shaped = self
    for index in messages.indices {
      guard var members = messages[index].json.members else { continue }
      for place in members.indices {
        switch String(decoding: members[place].key, as: UTF8.self) {
        case "content" where !template.readsParts:
          members[place].value = Self.joined(members[place].value)
        case "tool_calls" where !template.readsArgumentsAsText:
          members[place].value = Self.parsed(members[place].value)
        default: break
        }
      }
      shaped.messages[index].json = .object(members)
    }
    return shaped
  }

  /// The texts of parts as one; what has other parts stays.
  private static func joined(_ content: JSON) -> JSON {
    guard let parts = content.elements else { return content }
    var text: [UInt8] = []
    for part in parts {
      guard let piece = part.bytes ?? part["text"]?.bytes else { return content }
      text += piece
    }
    return .string(text)
  }

  /// Calls whose arguments are objects where they were the JSON of one.
  private static func parsed(_ calls: JSON) -> JSON {
    guard let elements = calls.elements else { return calls }
    return .array(
      elements.map {
        $0.replacing("function") { $0.replacing("arguments", by: object) }.replacing("arguments", by: object)
      })
  }

  private static func object(_ arguments: JSON) -> JSON {
    guard let text = arguments.bytes, let json = try? JSON.parse(text, takesLargeNumbers: true),
      json.members != nil
    else { return arguments }
    return json
  }
}

extension JSON {
  /// The same object with another value of a key that it has.
  fileprivate func replacing(_ key: String, by change: (JSON) -> JSON) -> JSON {
    guard let members else { return self }
    return .object(
      members.map { member in
        member.key.elementsEqual(key.utf8) ? Member(key: member.key, value: change(member.value)) : member
      })
  }
}

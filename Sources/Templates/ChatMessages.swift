// Messages as transformers gives them to templates.
import Base

enum ChatMessages {
  /// The names of what a model thinks before it answers. The first is the standard one.
  private static let reasoning = ["reasoning_content", "thinking", "reasoning"]

  /// Leaves out keys that are null, and gives reasoning under both names that templates read.
  static func normalized(_ messages: JSON) throws(TemplateError) -> JSON {
    guard let elements = messages.elements else {
      throw TemplateError("messages are \(messages.kind), where a list is meant")
    }
    guard !elements.isEmpty else {
      throw TemplateError(
        "Cannot apply chat template to an empty conversation. Provide at least one message.")
    }
    var normalized: [JSON] = []
    normalized.reserveCapacity(elements.count)
    for (place, message) in elements.enumerated() {
      guard let members = message.members else {
        throw TemplateError("message \(place + 1) is \(message.kind), where an object is meant")
      }
      normalized.append(
        .object(
          withReasoning(members.contains { $0.value.isNull } ? members.filter { !$0.value.isNull } : members))
      )
    }
    return .array(normalized)
  }

  private static func withReasoning(_ members: [JSON.Member]) -> [JSON.Member] {
    func place(_ key: String) -> Int? { members.firstIndex { $0.key.elementsEqual(key.utf8) } }
    guard let found = reasoning.lazy.compactMap(place).first else { return members }
    let value = members[found].value
    var result = members
    // As Python merges dicts: `thinking` comes first where it is new, and the standard name last.
    if let standard = place(reasoning[0]) {
      result[standard].value = value
    } else {
      result.append(JSON.Member(key: Array(reasoning[0].utf8), value: value))
    }
    if let old = place(reasoning[1]) {
      result.insert(result.remove(at: old), at: 0)
    } else {
      result.insert(JSON.Member(key: Array(reasoning[1].utf8), value: value), at: 0)
    }
    return result
  }
}

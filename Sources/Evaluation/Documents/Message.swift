// The parts of a prompt, as text or as messages of a chat.
import Base
import Templates

struct Message {
  var role: String
  var content: [UInt8]
  /// What stands behind it where the prompt is one text.
  var delimiter: [UInt8] = []

  var text: [UInt8] { content + delimiter }
  var json: JSON { .object(["role": .string(role), "content": .string(content)]) }
}

extension [Message] {
  var text: [UInt8] { flatMap(\.text) }

  /// As messages of one turn: what the system says, one text of the user, and the beginning of an answer.
  var inOneTurn: [Message] {
    var rest = self
    var system: [Message] = []
    if first?.role == "system" { system = [rest.removeFirst()] }
    guard var last = rest.popLast() else { return system }
    if last.role == "assistant" {
      if !rest.isEmpty { rest[rest.count - 1].delimiter = [] }
      return system + [Message(role: "user", content: rest.text), last]
    }
    last.delimiter = []
    return system + [Message(role: "user", content: (rest + [last]).text)]
  }
}

/// How texts are put together.
enum Delimiting {
  static func endsInSpace(_ text: [UInt8]) -> Bool { PythonText.trimmedEnd(text, text.indices) < text.count }
  static func beginsWithSpace(_ text: [UInt8]) -> Bool { PythonText.trimmedStart(text, text.indices) > 0 }

  /// Both texts, with the delimiter between them where neither has white space there.
  static func joined(_ first: [UInt8], _ second: [UInt8], by delimiter: [UInt8]) -> [UInt8] {
    if first.isEmpty || second.isEmpty { return first + second }
    return first + (needsDelimiter(first, second) ? delimiter : []) + second
  }

  static func needsDelimiter(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    !first.isEmpty && !(endsInSpace(first) || beginsWithSpace(second))
  }
}

// The texts of a row, each with its role.
import Base
import Datasets

/// A text that a row has.
package struct TextPart {
  /// A column of the format, or the role of a message.
  let role: String
  /// UTF-8
  let bytes: [UInt8]
  /// Whether a model learns to write it.
  let isAnswer: Bool
}

extension Example {
  /// All its texts, in their order.
  var parts: [TextPart] {
    if case .chat(let conversation) = self { return conversation.messages.flatMap(\.parts) }
    if case .words(let words, _) = self {
      return [TextPart(role: "words", bytes: Array(words.joined(separator: [0x20])), isAnswer: false)]
    }
    if case .preference(let preference) = self { return preference.parts }
    return columns.flatMap { column in
      Self.texts(column.value).map {
        TextPart(role: column.name, bytes: $0, isAnswer: column.name == "completion")
      }
    }
  }

  /// The texts of a column.
  private static func texts(_ value: JSON) -> [[UInt8]] {
    if let bytes = value.bytes { return [bytes] }
    return (value.elements ?? []).compactMap(\.bytes)
  }

  /// What it has beside its texts: labels and numbers in words, and the tools of a chat.
  var others: [String] {
    switch self {
    case .chat(let conversation):
      [conversation.tools, .object(conversation.extra)].compactMap { $0?.encoded() }
    case .labelled(_, _, let labels?), .words(_, let labels?): labels
    case .numbered(_, _, let numbers?): numbers.map { "\($0)" }
    case .choices(_, _, let right?): ["\(right)"]
    case .question(let question):
      (question.answers ?? []).map { "\($0.bytes.lowerBound)-\($0.bytes.upperBound)" }
    case .texts(_, let score?): ["\(score)"]
    case .preference(let preference):
      preference.pairs.map { "\($0.better) over \($0.worse)" } + preference.judgement
    default: []
    }
  }
}

extension Preference {
  /// What is asked once, and each answer.
  fileprivate var parts: [TextPart] {
    guard let first = answers.first else { return [] }
    return first.prompt + answers.flatMap(\.said)
  }

  /// The label of a single answer.
  var judgement: [String] { isWanted.map { [$0 ? "wanted" : "unwanted"] } ?? [] }
}

extension Preference.Answer {
  fileprivate var prompt: [TextPart] {
    switch self {
    case .text(let prompt, _): [TextPart(role: "prompt", bytes: prompt, isAnswer: false)]
    case .chat(let chat): chat.messages.filter { !$0.counts }.flatMap(\.parts)
    }
  }

  /// The answer itself.
  var said: [TextPart] {
    switch self {
    case .text(_, let answer): [TextPart(role: "answer", bytes: answer, isAnswer: true)]
    case .chat(let chat): chat.messages.filter(\.counts).flatMap(\.parts)
    }
  }
}

extension Conversation.Message {
  /// The text of its content.
  var content: [UInt8] {
    let content = json["content"] ?? .null
    if let bytes = content.bytes { return bytes }
    return Array(
      (content.elements ?? []).compactMap { $0.bytes ?? $0["text"]?.bytes }.joined(separator: [0x0A]))
  }

  /// What it calls; nil where it calls nothing.
  var calls: JSON? { json["tool_calls"].flatMap { $0.elements?.isEmpty == false ? $0 : nil } }

  /// Its content, and its calls as JSON.
  fileprivate var parts: [TextPart] {
    let isAnswer = role == ChatLoss.assistant
    var parts = [TextPart(role: role, bytes: content, isAnswer: isAnswer)]
    if let calls {
      var text: [UInt8] = []
      calls.write(to: &text)
      parts.append(TextPart(role: "calls", bytes: text, isAnswer: isAnswer))
    }
    return parts
  }
}

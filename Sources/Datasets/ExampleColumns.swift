// What a row says, by the names that formats have for its columns.
import Base

extension Example {
  /// Its texts without what is to be predicted, whole.
  package var columns: [(name: String, value: JSON)] {
    func pair(_ text: [UInt8], _ second: [UInt8]?) -> [(name: String, value: JSON)] {
      [("text", .string(text))] + (second.map { [(ClassificationFormat.pair, .string($0))] } ?? [])
    }
    switch self {
    case .document(let text): return [("text", .string(text))]
    case .answer(let prompt, let answer):
      return [("prompt", .string(prompt)), ("completion", .string(answer))]
    case .labelled(let text, let second, _), .numbered(let text, let second, _): return pair(text, second)
    case .choices(let context, let endings, _):
      return [("context", .string(context)), ("choices", .array(endings.map { .string($0) }))]
    case .words(let words, _): return [("words", .array(words.map { .string($0) }))]
    case .question(let question):
      return [("question", .string(question.question)), ("context", .string(question.context))]
    case .chat(let conversation): return [("messages", conversation.prefix(conversation.messages.count))]
    case .preference(let preference): return preference.columns
    case .texts(let texts, .some): return pair(texts[0], texts[1])
    case .texts(let texts, nil):
      return zip(["anchor", "positive", "negative"], texts).map { ($0, .string($1)) }
    }
  }
}

extension Preference {
  fileprivate var columns: [(name: String, value: JSON)] {
    func content(_ messages: [Conversation.Message]) -> JSON { .array(messages.map(\.json)) }
    let parts = answers.map { answer -> (prompt: JSON, answer: JSON) in
      switch answer {
      case .text(let prompt, let answer): (.string(prompt), .string(answer))
      case .chat(let chat):
        (content(chat.messages.filter { !$0.counts }), content(chat.messages.filter(\.counts)))
      }
    }
    let prompt = parts.first.map { [("prompt", $0.prompt)] } ?? []
    guard answers.count == 2, let pair = pairs.first else {
      return prompt
        + (parts.count == 1
          ? [("completion", parts[0].answer)] : [("completions", .array(parts.map(\.answer)))])
    }
    return prompt + [("chosen", parts[pair.better].answer), ("rejected", parts[pair.worse].answer)]
  }
}

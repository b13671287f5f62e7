// A row with a question, in any of the forms that models are trained on.
import Base
import Metrics

struct RetrievedRow {
  /// Where the question stands.
  private enum Form {
    case prompt, instruction
    case message(Int)
  }

  private let json: JSON
  private let form: Form
  /// UTF-8.
  let question: [UInt8]
  /// What is searched for: `query` of the row, or the question.
  let query: [UInt8]

  /// Nil where there is no question.
  init?(_ json: JSON) {
    func isFilled(_ text: [UInt8]?) -> Bool { text?.contains { $0 > 0x20 } ?? false }
    self.json = json
    if let prompt = json["prompt"]?.bytes, isFilled(prompt) {
      (form, question) = (.prompt, prompt)
    } else if let instruction = json["instruction"]?.bytes, isFilled(instruction) {
      form = .instruction
      let input = json["input"]?.bytes ?? []
      question = isFilled(input) ? instruction + [0x0A] + input : instruction
    } else if let messages = json["messages"]?.elements,
      let last = messages.lastIndex(where: { $0["role"]?.text == "user" }),
      let content = messages[last]["content"]?.bytes, isFilled(content)
    {
      (form, question) = (.message(last), content)
    } else {
      return nil
    }
    query = json["query"]?.bytes.flatMap { isFilled($0) ? $0 : nil } ?? question
  }

  /// The answer that the row has.
  private var answer: String? {
    switch form {
    case .prompt: json["completion"]?.text ?? json["response"]?.text
    case .instruction: json["output"]?.text
    case .message(let place): json["messages"]?.elements?[(place + 1)...].first?["content"]?.text
    }
  }

  /// Which of some hits answers: the first one of a document that the row names as `gold`, or else the first in which the
  /// answer stands.
  func gold(among hits: [SearchHit]) -> Int? {
    let named = json["gold"]?.elements?.compactMap(\.text) ?? json["gold"]?.text.map { [$0] } ?? []
    guard named.isEmpty else { return hits.firstIndex { named.contains($0.chunk.id) } }
    guard let answer else { return nil }
    return hits.firstIndex { AnswerMeasures.stands(answer, in: [$0.chunk.text]) }
  }

  /// The row with another question.
  func asking(_ question: [UInt8]) -> JSON {
    func replaced(_ json: JSON, _ values: [String: JSON]) -> JSON {
      .object(
        (json.members ?? []).map { member in
          JSON.Member(
            key: member.key, value: values[String(decoding: member.key, as: UTF8.self)] ?? member.value)
        })
    }
    switch form {
    case .prompt: return replaced(json, ["prompt": .string(question)])
    // The input is a part of the question.
    case .instruction: return replaced(json, ["instruction": .string(question), "input": .string("")])
    case .message(let place):
      var messages = json["messages"]?.elements ?? []
      messages[place] = replaced(messages[place], ["content": .string(question)])
      return replaced(json, ["messages": .array(messages)])
    }
  }
}

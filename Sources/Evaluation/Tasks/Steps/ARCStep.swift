// ARC and OpenBookQA: rows of the sets' original files, and rows with the number of the right choice, as rows of the hub.
import Base

struct ARCStep: TaskStep {
  static let name = "arc"

  func prepared(_ doc: JSON) throws(StepMistake) -> JSON {
    // {"question": {"stem": …, "choices": [{"text": …, "label": …}]}, "answerKey": …}
    if let question = doc["question"], let stem = question["stem"]?.text {
      let choices = question["choices"]?.elements ?? []
      let texts = choices.compactMap { $0["text"] }
      let labels = choices.compactMap { $0["label"] }
      guard !texts.isEmpty, texts.count == labels.count else { throw StepMistake(what: "has no choices") }
      return doc.setting([
        "question": .string(stem), "question_stem": .string(stem),
        "choices": .object(["text": .array(texts), "label": .array(labels)]),
      ])
    }
    // {"query": "Question: …", "choices": […], "gold": 0}
    if let query = doc["query"]?.text, let choices = doc["choices"]?.elements, let gold = doc["gold"]?.integer
    {
      let letters = choices.indices.compactMap {
        Unicode.Scalar(UInt32(0x41 + $0)).map { String(Character($0)) }
      }
      guard letters.indices.contains(gold) else { throw StepMistake(what: "has no choice \(gold)") }
      let text = query.hasPrefix("Question: ") ? String(query.dropFirst(10)) : query
      return doc.setting([
        "question": .string(text), "question_stem": .string(text),
        "choices": .object(["text": .array(choices), "label": .array(letters.map { .string($0) })]),
        "answerKey": .string(letters[gold]),
      ])
    }
    return doc
  }
}

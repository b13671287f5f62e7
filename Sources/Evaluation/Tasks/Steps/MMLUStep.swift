// MMLU: rows of the set's original tables, as rows of the hub.
import Base

struct MMLUStep: TaskStep {
  static let name = "mmlu"

  func prepared(_ doc: JSON) throws(StepMistake) -> JSON {
    if doc["question"] != nil, doc["choices"]?.elements?.count == 4 {
      guard let letter = doc["answer"]?.text else { return doc }
      return doc.setting(["answer": .integer(try place(letter))])
    }
    // question, A, B, C, D, answer; the table has no names.
    let values = (doc.members ?? []).compactMap { PythonicText.of($0.value) }
    guard values.count >= 6 else {
      throw StepMistake(what: "has neither a question with four choices nor six fields")
    }
    return .object([
      "question": .string(values[0]), "choices": .array(values[1...4].map { .string($0) }),
      "answer": .integer(try place(values[5])),
    ])
  }

  private func place(_ letter: String) throws(StepMistake) -> Int {
    guard let place = ["A", "B", "C", "D"].firstIndex(of: letter) else {
      throw StepMistake(what: "has the answer \(letter.quoted)")
    }
    return place
  }
}

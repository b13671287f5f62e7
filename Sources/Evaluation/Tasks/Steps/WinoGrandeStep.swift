// WinoGrande: which of two names before the rest of a sentence makes that rest likelier (partial evaluation, Trinh and Le
// 2018).
import Base
import Templates

struct WinoGrandeStep: TaskStep {
  static let name = "winogrande"
  static let givesChoices = true
  let hasSeveralInputs = true

  private func parts(_ doc: JSON) throws(StepMistake) -> (String, String) {
    let sentence = try doc.needed("sentence")
    guard let place = sentence.firstIndex(of: "_") else {
      throw StepMistake(what: "has no _ in its sentence")
    }
    return (String(sentence[..<place]), String(sentence[sentence.index(after: place)...]))
  }

  func text(_ doc: JSON) throws(StepMistake) -> JSON? {
    switch PythonicText.of(doc["answer"]) {
    case "1": .integer(0)
    case "2": .integer(1)
    default: throw StepMistake(what: "has no answer 1 or 2")
    }
  }

  func target(_ doc: JSON) throws(StepMistake) -> JSON? { .string(RegexMatch.stripped(try parts(doc).1)) }

  func choices(_ doc: JSON) throws(StepMistake) -> [[UInt8]]? {
    let start = try parts(doc).0
    return [
      Array((start + (try doc.needed("option1"))).utf8), Array((start + (try doc.needed("option2"))).utf8),
    ]
  }
}

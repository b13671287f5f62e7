// BoolQ: the answers of the set's own files are truth values.
import Base

struct BoolQStep: TaskStep {
  static let name = "boolq"

  func prepared(_ doc: JSON) throws(StepMistake) -> JSON {
    guard let label = (doc["label"] ?? doc["answer"])?.index else {
      throw StepMistake(what: "has neither a label nor an answer")
    }
    return doc.setting(["label": .integer(label)])
  }
}

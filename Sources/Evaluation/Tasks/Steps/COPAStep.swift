// COPA: what a premise is because of, or what follows from it.
import Base
import Templates

struct COPAStep: TaskStep {
  static let name = "copa"
  static let givesChoices = true

  private func choice(_ text: String) -> String {
    let scalars = PythonText.scalars(text.utf8)
    guard let first = scalars.first else { return " " }
    return " " + first.properties.lowercaseMapping + String(String.UnicodeScalarView(scalars.dropFirst()))
  }

  func text(_ doc: JSON) throws(StepMistake) -> JSON? {
    let connector: String
    switch try doc.needed("question") {
    case "cause": connector = "because"
    case "effect": connector = "therefore"
    default: throw StepMistake(what: "asks for neither cause nor effect")
    }
    // Without the full stop.
    let premise = RegexMatch.stripped(try doc.needed("premise")).unicodeScalars.dropLast()
    return .string(String(String.UnicodeScalarView(premise)) + " " + connector)
  }

  func target(_ doc: JSON) throws(StepMistake) -> JSON? {
    .string(choice(try doc.needed(doc["label"]?.index == 0 ? "choice1" : "choice2")))
  }

  func choices(_ doc: JSON) throws(StepMistake) -> [[UInt8]]? {
    [Array(choice(try doc.needed("choice1")).utf8), Array(choice(try doc.needed("choice2")).utf8)]
  }
}

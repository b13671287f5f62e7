// What some tasks of lm-evaluation-harness do in Python, one task's step per file. A task file of swiftdp names it as
// `swiftdp_step`.
import Base

protocol TaskStep: Sendable {
  static var name: String { get }
  /// Metrics that `score` gives.
  static var metrics: [String] { get }
  /// Whether it says the texts to choose from.
  static var givesChoices: Bool { get }
  /// Whether the choices are what stands before one text.
  var hasSeveralInputs: Bool { get }
  init()
  /// A row as templates see it.
  func prepared(_ doc: JSON) throws(StepMistake) -> JSON
  /// What is asked: a text, or the number of the right input; nil for what the task file says.
  func text(_ doc: JSON) throws(StepMistake) -> JSON?
  func target(_ doc: JSON) throws(StepMistake) -> JSON?
  func choices(_ doc: JSON) throws(StepMistake) -> [[UInt8]]?
  /// The text whose words and bytes count, where it is another one than the model reads.
  func countedText(_ doc: JSON) throws(StepMistake) -> [UInt8]?
  /// How answers count; nil for what the output type says.
  func score(_ doc: JSON, _ answers: [JSON]) throws(StepMistake) -> RowMetrics?
}

/// A row that does not have what a step reads.
struct StepMistake: Error {
  var what: String
}

extension TaskStep {
  static var metrics: [String] { [] }
  static var givesChoices: Bool { false }
  var hasSeveralInputs: Bool { false }
  func prepared(_ doc: JSON) throws(StepMistake) -> JSON { doc }
  func text(_ doc: JSON) throws(StepMistake) -> JSON? { nil }
  func target(_ doc: JSON) throws(StepMistake) -> JSON? { nil }
  func choices(_ doc: JSON) throws(StepMistake) -> [[UInt8]]? { nil }
  func countedText(_ doc: JSON) throws(StepMistake) -> [UInt8]? { nil }
  func score(_ doc: JSON, _ answers: [JSON]) throws(StepMistake) -> RowMetrics? { nil }
}

enum TaskSteps {
  static let all: [any TaskStep.Type] = [
    ARCStep.self, BoolQStep.self, COPAStep.self, HellaSwagStep.self, MMLUStep.self, TruthfulQAStep.self,
    TruthfulQAMassStep.self, TruthfulQAWrittenStep.self, WikiTextStep.self, WinoGrandeStep.self,
  ]

  static func step(_ keys: Section) -> (any TaskStep)? {
    guard let name = keys.plainText("swiftdp_step") else { return nil }
    if let type = all.first(where: { $0.name == name }) { return type.init() }
    keys.fail(
      "swiftdp_step", "is \(name.quoted)", hint: "there are \(all.map { $0.name }.joined(separator: ", "))")
    return nil
  }
}

extension JSON {
  /// A text that a row must have.
  func needed(_ key: String) throws(StepMistake) -> String {
    guard let text = self[key]?.text else { throw StepMistake(what: "has no text \(key.quoted)") }
    return text
  }

  /// The same with other values under some keys.
  func setting(_ members: KeyValuePairs<String, JSON>) -> JSON {
    var all = self.members ?? []
    for (key, value) in members {
      if let place = all.firstIndex(where: { $0.key.elementsEqual(key.utf8) }) {
        all[place].value = value
      } else {
        all.append(JSON.Member(key: Array(key.utf8), value: value))
      }
    }
    return .object(all)
  }
}

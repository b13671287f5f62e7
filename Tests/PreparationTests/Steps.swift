// Makes steps of settings, and rows of texts.
import Base
import Preparation
import Testing

func section(_ json: String) throws -> Section {
  Section(try JSON.parse(json), file: nil, code: .usage, problems: Problems())
}

/// - Throws: the mistakes of the settings.
func step<Step: PreparationStep>(_: Step.Type, _ json: String, seed: UInt64 = 0) throws -> Step {
  let section = try section(json)
  let step = Step(section, StepFacts(seed: seed, index: 0))
  section.refuseUnknownKeys()
  try section.problems.throwIfAny()
  return step
}

func row(_ json: String, number: Int = 0) throws -> PreparedRow {
  PreparedRow(
    order: RowOrder(row: number), line: number + 1,
    json: try JSON.parse(Array(json.utf8), takesLargeNumbers: true), text: Array(json.utf8))
}

/// What a step of one row gives, as text.
func result(_ step: some RowStep, of json: String) throws -> [String] {
  try step.apply(to: row(json)).map { String(decoding: $0.encoded, as: UTF8.self) }
}

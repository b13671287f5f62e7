// Labels that rows of validation have and no row of training has.
import Base

final class LabelsOfValidation: Check {
  static let name = "labels_only_in_validation"
  static let readsTexts = true
  private var trained: Set<String> = []
  private var validation: [String: (example: Finding.Example, rows: Int)] = [:]
  private var rows = 0

  init?(_ facts: InspectionFacts) {
    guard facts.options.isLabelled, facts.options.validation != .none else { return nil }
  }

  func look(at row: InspectedRow) {
    guard let labels = row.example?.labelNames, !labels.isEmpty else { return }
    guard row.part == .validation else { return trained.formUnion(labels) }
    rows += 1
    for label in Set(labels) {
      validation[label, default: (Finding.Example(row.place, "\(label.printable(40)): \(row.beginning)"), 0)]
        .rows += 1
    }
  }

  func findings() -> [Finding] {
    let found = validation.filter { !trained.contains($0.key) }.sorted { $0.key < $1.key }
    guard !found.isEmpty, !trained.isEmpty else { return [] }
    return [
      Finding(
        Self.name, .mistake, "rows of validation with a label that no row of training has",
        rows: (min(rows, found.reduce(0) { $0 + $1.value.rows }), rows),
        examples: found.prefix(Tally.examplesKept).map(\.value.example),
        advice: "split by label (data prepare, split: {by: label}), or mend the labels")
    ]
  }
}

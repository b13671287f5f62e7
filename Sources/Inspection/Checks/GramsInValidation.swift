// Rows of validation half of whose words stand in rows of training, in stretches of thirteen words.
import Base

final class GramsInValidation: Check {
  static let name = "validation_words_in_training"
  static let readsTexts = true
  private var grams = WordGrams()
  /// Twins are other findings.
  private var exact = SeenRows<Void>()

  init?(_ facts: InspectionFacts) { if facts.options.validation == .none { return nil } }

  func look(at row: InspectedRow) {
    guard row.example != nil else { return }
    if row.part == .training {
      if exact[row.textHash] == nil { grams.find(in: row.words, at: row.place) }
    } else if exact[row.textHash] == nil {
      exact.keep(row.textHash, ())
      grams.add(row.words, at: row.place, row.beginning)
    }
  }

  func findings() -> [Finding] {
    let overlaps = grams.overlaps().filter { $0.share >= 0.5 }
    guard !overlaps.isEmpty else { return [] }
    return [
      Finding(
        Self.name, .warning,
        "rows of validation half of whose words stand in training, \(WordGrams.words) or more in a row",
        rows: (overlaps.count, grams.rowCount), examples: overlaps.prefix(Tally.examplesKept).map(\.example),
        advice:
          "their loss tells in part what was learned by heart: split by what such rows have in common (data prepare, split: {by: group})"
      )
    ]
  }
}

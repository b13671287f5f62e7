// Rows of evaluation sets that training or validation holds.
import Base

final class EvaluationOverlap: Check {
  static let name = "evaluation_in_data"
  static let readsTexts = true
  private var grams: WordGrams

  init?(_ facts: InspectionFacts) {
    guard let evaluation = facts.evaluation else { return nil }
    grams = evaluation.grams
  }

  func look(at row: InspectedRow) {
    if row.example != nil { grams.find(in: row.words, at: row.place) }
  }

  func findings() -> [Finding] {
    let overlaps = grams.overlaps()
    guard !overlaps.isEmpty else { return [] }
    let most = overlaps.count { $0.share >= 0.5 }
    return [
      Finding(
        Self.name, .warning,
        "rows of evaluation of which \(WordGrams.words) words in a row are in the data, \(grouped(most)) with half of their words or more",
        rows: (overlaps.count, grams.rowCount),
        examples: overlaps.prefix(Tally.examplesKept).map(\.example),
        advice: "take these rows out of training, or out of the evaluation")
    ]
  }
}

extension WordGrams.Overlap {
  var example: Finding.Example {
    Finding.Example(place, "\(Int((100 * share).rounded())) % of its words are in \(foundIn): \(text)")
  }
}

// Rows of validation that nearly say the same as one of training.
import Base
import Datasets
import Metrics

final class NearInValidation: Check {
  static let name = "validation_near_training"
  static let readsTexts = true
  private let hash = MinHash()
  private var shingles = Shingles<NearRow>()
  /// Rows of validation, and whether one of training nearly says the same, or just the same.
  private var near = NearTexts(threshold: NearRow.threshold)
  private var kept: [(place: PlaceList.Place, isFound: Bool)] = []
  private var places = PlaceList()
  private var exact = SeenRows<Void>()
  private var tally = Tally()

  init?(_ facts: InspectionFacts) { if facts.options.validation == .none { return nil } }

  func look(at row: InspectedRow) {
    guard let near = NearRow(row) else { return }
    // Equal rows are another finding.
    if row.part == .validation {
      guard exact[row.textHash] == nil else { return }
      exact.keep(row.textHash, ())
    } else if exact[row.textHash] != nil {
      return
    }
    shingles.add(near, row.words, compare)
  }

  private func compare(_ row: NearRow, _ shingles: [UInt64]) {
    guard let signature = hash.signature(of: shingles) else { return }
    if row.part == .validation {
      tally.see()
      guard kept.count < NearRow.most else { return }
      near.keep(signature)
      kept.append((places.place(row.place), false))
    } else if let twin = near.find(signature), !kept[twin].isFound {
      kept[twin].isFound = true
      tally.add(places.name(kept[twin].place)) { "nearly equals \(row.place): \(row.beginning)" }
    }
  }

  func findings() -> [Finding] {
    shingles.finish(compare)
    return tally.finding(
      Self.self, .warning,
      "rows of validation that share about four fifths of their text with one of training",
      advice: "take twins out before the split (data prepare: deduplicate with near, then split)")
  }
}

// Rows of validation that are trained on, too: their loss tells what was learned by heart.
import Base

final class ExactInValidation: Check {
  static let name = "validation_in_training"
  static let readsTexts = true
  private var validation = SeenRows<Held>()
  private var places = PlaceList()
  private var tally = Tally()

  /// Rows of validation that say the same.
  private struct Held {
    let place: PlaceList.Place
    var rows = 1
    var isFound = false
  }

  init?(_ facts: InspectionFacts) { if facts.options.validation == .none { return nil } }

  func look(at row: InspectedRow) {
    guard row.texts.contains(where: { !$0.bytes.isEmpty }) else { return }
    let hash = row.textHash
    guard row.part == .training else {
      tally.see()
      return validation.keep(hash, Held(place: places.place(row.place))) { $0.rows += 1 }
    }
    guard let held = validation[hash], !held.isFound else { return }
    validation.keep(hash, held) { $0.isFound = true }
    tally.count(found: held.rows, of: 0, at: places.name(held.place)) {
      "equals \(row.place): \(row.beginning)"
    }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows of validation that are rows of training, too",
      advice: "take twins out before the split (data prepare: deduplicate, then split)")
  }
}

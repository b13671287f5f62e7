// Rows of one text that have different labels: at most one of them is right.
import Base

final class ConflictingLabels: Check {
  static let name = "conflicting_labels"
  static let readsTexts = true
  private var texts = SeenRows<(place: PlaceList.Place, learned: String)>()
  private var places = PlaceList()
  private var tally = Tally()

  init?(_ facts: InspectionFacts) { guard facts.options.isLabelled else { return nil } }

  func look(at row: InspectedRow) {
    guard row.part == .training, let learned = row.example?.others.joined(separator: ", "), !learned.isEmpty
    else {
      return
    }
    let hash = row.textHash
    let other = texts[hash].flatMap { $0.learned == learned ? nil : $0 }
    tally.count(row, has: other != nil) {
      "is \(learned.printable(40)), and \(other.map { places.name($0.place) } ?? "") is \(other?.learned.printable(40) ?? ""): \(row.beginning)"
    }
    texts.keep(hash, (places.place(row.place), learned))
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows whose text has another label elsewhere",
      advice: "decide for one label, or take the rows out")
  }
}

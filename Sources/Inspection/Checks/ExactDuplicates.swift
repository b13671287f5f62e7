// Rows of training that say the same as one before them.
import Base

final class ExactDuplicates: Check {
  static let name = "duplicates"
  static let readsTexts = true
  private var seen = SeenRows<PlaceList.Place>()
  private var places = PlaceList()
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.part == .training, row.texts.contains(where: { !$0.bytes.isEmpty }) else { return }
    let hash = row.wholeHash
    let twin = seen[hash]
    tally.count(row, has: twin != nil) { "equals \(twin.map(places.name) ?? ""): \(row.beginning)" }
    if twin == nil, !seen.isFull { seen.keep(hash, places.place(row.place)) }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning,
      "rows that equal one before them"
        + (seen.isFull ? " (of the first \(grouped(SeenRows<Int>.most)) that differ)" : ""),
      advice: "take them out (data prepare, deduplicate), unless they shall count more")
  }
}

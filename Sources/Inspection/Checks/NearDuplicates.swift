// Rows of training that nearly say the same as one before them.
import Base
import Datasets
import Metrics

final class NearDuplicates: Check {
  static let name = "near_duplicates"
  static let readsTexts = true
  private let hash = MinHash()
  private var shingles = Shingles<NearRow>()
  private var exact = SeenRows<Void>()
  private var near = NearTexts(threshold: NearRow.threshold)
  private var kept: [PlaceList.Place] = []
  private var places = PlaceList()
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    // Equal texts are another finding, or two where their labels differ.
    guard row.part == .training, exact[row.textHash] == nil, let near = NearRow(row) else { return }
    exact.keep(row.textHash, ())
    shingles.add(near, row.words, compare)
  }

  private func compare(_ row: NearRow, _ shingles: [UInt64]) {
    tally.see()
    guard let signature = hash.signature(of: shingles) else { return }
    if let twin = near.find(signature) {
      tally.add(row.place) { "nearly equals \(places.name(kept[twin])): \(row.beginning)" }
    } else if kept.count < NearRow.most {
      near.keep(signature)
      kept.append(places.place(row.place))
    }
  }

  func findings() -> [Finding] {
    shingles.finish(compare)
    let limit = kept.count < NearRow.most ? "" : " (of the first \(grouped(NearRow.most)) that differ)"
    return tally.finding(
      Self.self, .warning, "rows that share about four fifths of their text with one before them" + limit,
      advice: "look at some: take them out (data prepare, deduplicate: {near: 0.8}) if they say the same")
  }
}

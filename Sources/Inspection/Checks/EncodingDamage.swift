// Characters that were lost or changed when a text was read in the wrong encoding.
import Base

final class EncodingDamage: Check {
  static let name = "encoding_damage"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil else { return }
    let damage = row.profile.damage
    tally.count(row, has: damage != nil) {
      damage.map { Excerpt.text(row.texts[$0.text].bytes, around: $0.bytes) } ?? ""
    }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning,
      "rows with characters that a wrong encoding has damaged (U+FFFD, or such as Ã© for é)",
      advice: "read the source again as UTF-8, or take the rows out")
  }
}

// Control characters in texts: nobody sees them, and the model learns them.
import Base

final class ControlCharacters: Check {
  static let name = "control_characters"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil else { return }
    let control = row.profile.control
    tally.count(row, has: control != nil) {
      control.map { Excerpt.text(row.texts[$0.text].bytes, around: $0.bytes) } ?? ""
    }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows with control characters, or marks of byte order",
      advice: "take them out of the texts (data prepare, clean)")
  }
}

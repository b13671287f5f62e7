// Rows that training would refuse.
import Base
import Datasets

final class RefusedRows: Check {
  static let name = "refused_rows"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.tokens != nil || row.refusal != nil else { return }
    let refusal = row.refusal.flatMap { $0.cause == .changedTurn ? nil : $0 }
    tally.count(row, has: refusal != nil) { refusal.map { "\($0.at(""))" } ?? "" }
  }

  /// Rows that are none of their format, and files that cannot be read.
  func add(_ unreadable: EncodedExamples.Unreadable) {
    for mistake in unreadable.mistakes.prefix(max(unreadable.rows, 1)) {
      tally.see()
      var told = mistake
      told.place = ""
      tally.add(mistake.place) { "\(told)" }
    }
    for _ in unreadable.mistakes.count..<max(unreadable.rows, unreadable.mistakes.count) {
      tally.see()
      tally.add("") { "" }
    }
  }

  private static let advice = "mend them as the messages say, or take them out"

  func findings() -> [Finding] {
    tally.finding(Self.self, .mistake, "rows or files that train refuses", advice: Self.advice)
  }

  /// What train refuses as a whole, such as data without anything to learn.
  static func finding(_ refusals: [UserError]) -> Finding {
    let examples = refusals.prefix(Tally.examplesKept).map { refusal in
      var told = refusal
      told.place = ""
      return Finding.Example(refusal.place, "\(told)")
    }
    return Finding(name, .mistake, "train refuses the data", examples: Array(examples), advice: advice)
  }
}

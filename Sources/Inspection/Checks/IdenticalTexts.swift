// Rows whose two texts are one and the same.
import Base
import Datasets

final class IdenticalTexts: Check {
  static let name = "identical_texts"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) { guard facts.options.isLabelled else { return nil } }

  func look(at row: InspectedRow) {
    let texts: [[UInt8]]
    switch row.example {
    case .labelled(let text, let pair?, _), .numbered(let text, let pair?, _): texts = [text, pair]
    case .texts(let all, _): texts = all
    case .choices(_, let endings, _): texts = endings
    case .preference(let preference):
      texts = preference.answers.map { Array($0.said.map(\.bytes).joined(separator: [0])) }
    default: return
    }
    tally.count(row, has: Set(texts).count < texts.count) { row.beginning }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows that have one text twice",
      advice: "such rows teach nothing about texts that differ: look whether a column is wrong")
  }
}

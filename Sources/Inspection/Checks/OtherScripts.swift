// Rows in another script than nearly all others.
import Base
import Datasets

final class OtherScripts: Check {
  static let name = "other_scripts"
  static let readsTexts = true
  private var counts = [Int](repeating: 0, count: Script.allCases.count)
  private var examples = [[Finding.Example]](repeating: [], count: Script.allCases.count)

  /// The share of rows from which on their script is that of the data.
  private static let bulk = 0.9

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil, let script = row.profile.script else { return }
    counts[script.rawValue] += 1
    if examples[script.rawValue].count < Tally.examplesKept {
      examples[script.rawValue].append(Finding.Example(row.place, row.beginning))
    }
  }

  func findings() -> [Finding] {
    let all = counts.reduce(0, +)
    let order = counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
    let others = order.dropFirst().filter { counts[$0] > 0 }
    guard !others.isEmpty, Double(counts[order[0]]) >= Self.bulk * Double(all) else { return [] }
    let words = others.compactMap { number in
      Script(rawValue: number).map { "\($0.name) \(grouped(counts[number]))" }
    }
    return [
      Finding(
        Self.name, .warning, "rows in another script than the others (\(words.joined(separator: ", ")))",
        rows: (all - counts[order[0]], all),
        examples: Array(others.flatMap { examples[$0] }.prefix(Tally.examplesKept)),
        advice: "look whether they belong to the data, and whether the tokenizer knows the script")
    ]
  }
}

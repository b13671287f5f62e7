// The languages that texts are in, as their most frequent words and their scripts tell.
import Base
import Datasets

final class Languages: Check {
  static let name = "languages"
  static let readsTexts = true
  private var counts: [String: (rows: Int, example: Finding.Example)] = [:]
  private var (told, rows) = (0, 0)

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.part == .training, row.example != nil else { return }
    rows += 1
    guard let language = Self.language(of: row) else { return }
    told += 1
    counts[language, default: (0, Finding.Example(row.place, "\(language): \(row.beginning)"))].rows += 1
  }

  /// nil where it cannot be told.
  private static func language(of row: InspectedRow) -> String? {
    guard let script = row.profile.script, row.profile.letterCount >= 20 else { return nil }
    guard script == .latin || script == .cyrillic else { return script.name }
    return Language.of(row.words.joined()).map { Language.names[$0] }
  }

  func findings() -> [Finding] {
    guard told > 0 else { return [] }
    let sorted = counts.sorted { ($1.value.rows, $0.key) < ($0.value.rows, $1.key) }
    let shares = sorted.map { "\($0.key) \(percent($0.value.rows, of: rows))" }
    let rest = told < rows ? ", not told \(percent(rows - told, of: rows))" : ""
    return [
      Finding(
        Self.name, .note, "languages of rows: " + shares.joined(separator: ", ") + rest,
        // What most rows are in needs no example.
        examples: sorted.dropFirst().prefix(Tally.examplesKept).map(\.value.example),
        advice: "a guess by frequent words; short rows and code are not told")
    ]
  }
}

// How many rows have something, with the first of them as examples.
import Base

struct Tally {
  /// Examples of each finding.
  static let examplesKept = 3

  /// Rows that were looked at.
  private(set) var seen = 0
  /// Rows that have it.
  private(set) var found = 0
  private(set) var examples: [Finding.Example] = []

  /// Counts a row.
  /// - Parameter excerpt: what shows it; called for the first rows that have it only.
  mutating func count(_ row: InspectedRow, has isFound: Bool, _ excerpt: () -> String) {
    seen += 1
    if isFound { add(row.place, excerpt) }
  }

  /// Counts rows that were counted before.
  /// - Parameter place: of one of them, or of their file.
  mutating func count(found more: Int, of rows: Int, at place: String, _ excerpt: () -> String) {
    seen += rows
    guard more > 0 else { return }
    add(place, excerpt)
    found += more - 1
  }

  /// Counts a row that was seen.
  mutating func add(_ place: String, _ excerpt: () -> String) {
    found += 1
    if examples.count < Self.examplesKept { examples.append(Finding.Example(place, excerpt())) }
  }

  mutating func see() { seen += 1 }

  /// None where no row has it.
  func finding(
    _ check: any Check.Type, _ severity: Finding.Severity, _ what: String, advice: String
  ) -> [Finding] {
    guard found > 0 else { return [] }
    return [
      Finding(check.name, severity, what, rows: (found, seen), examples: examples, advice: advice)
    ]
  }
}

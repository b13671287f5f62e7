// Rows that are far longer than the others.
import Base

final class VeryLongRows: Check {
  static let name = "very_long_rows"
  static let readsTexts = true
  private var lengths = LengthHistogram()
  /// The longest rows, the longest first.
  private var longest: [(tokens: Int, example: Finding.Example)] = []

  /// So many times the median.
  private static let factor = 50
  private static let fewest = 2000

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil, let counts = row.counts, counts.tokens > 0 else { return }
    lengths.add(counts.tokens)
    guard counts.tokens >= Self.fewest,
      longest.count < Tally.examplesKept || counts.tokens > longest.last!.tokens
    else { return }
    let example = Finding.Example(row.place, "\(grouped(counts.tokens)) tokens: \(row.beginning)")
    let place = longest.firstIndex { $0.tokens < counts.tokens } ?? longest.count
    longest.insert((counts.tokens, example), at: place)
    if longest.count > Tally.examplesKept { longest.removeLast() }
  }

  func findings() -> [Finding] {
    guard lengths.count >= 20, let median = lengths.percentile(50) else { return [] }
    let limit = max(Self.fewest, Self.factor * median)
    let count = lengths.count(above: limit)
    guard count > 0 else { return [] }
    return [
      Finding(
        Self.name, .note,
        "rows of more than \(grouped(limit)) tokens, where half have at most \(grouped(median))",
        rows: (count, lengths.count), examples: longest.filter { $0.tokens > limit }.map(\.example),
        advice: "look whether these are single rows, and no files that lost their line ends")
    ]
  }
}

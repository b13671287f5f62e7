// The tables of docs/methods.md.
import Base
import Foundation

/// What was measured of one task.
struct TaskResult {
  let task: SurveyTask
  /// Of the base, as it is.
  let rows: [RowResult]
  /// Methods that failed, with the reason.
  var failures: [(method: String, reason: String)] = []
  /// Methods that cannot do it.
  let absent: [String]
}

extension TaskResult {
  static let columns = [
    "method", "quality", "trained", "rank", "host", "seconds", "exchange", "checkpoint", "forgetting",
  ]

  func cells(_ row: RowResult) -> [String] {
    [
      row.method, percent(row.quality), grouped(row.trained), megabytes(row.peakOfRank), megabytes(row.host),
      seconds(row.trainingSeconds), megabytes(row.exchanged), megabytes(row.checkpoint),
      String(format: "%+.3f", row.generalAfter - row.generalBefore),
    ]
  }

  /// The table, with a heading and how to read it.
  var markdown: String {
    var names = Self.columns
    names[1] = task.quality.name.replacing("_", with: " ")
    var lines = [
      "### \(task.title)", "",
      "| " + names.joined(separator: " | ") + " |",
      "| --- |" + String(repeating: " ---: |", count: names.count - 1),
    ]
    lines += rows.map { row in
      let cells = cells(row)
      return "| " + (["`\(cells[0])`"] + cells.dropFirst()).joined(separator: " | ") + " |"
    }
    lines.append("")
    if let before = rows.first?.generalBefore {
      lines.append(
        "Forgetting is the rise, from \(String(format: "%.3f", before)), of the \(task.generalWords).")
    }
    if !absent.isEmpty { lines.append("Not for this task: \(absent.joined(separator: "; ")).") }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Puts tables between two marks of a page.
/// - Throws: if the page has no such marks.
func write(_ tables: String, into page: String, between mark: String = "survey") throws {
  let text = try String(contentsOfFile: page, encoding: .utf8)
  guard let begin = text.range(of: "<!-- \(mark) -->\n"),
    let end = text.range(of: "<!-- end of \(mark) -->", range: begin.upperBound..<text.endIndex)
  else { throw Commands.Failed(description: "\(page) has no place for the tables of \(mark)") }
  let new = text[..<begin.upperBound] + tables + text[end.lowerBound...]
  try new.write(toFile: page, atomically: true, encoding: .utf8)
}

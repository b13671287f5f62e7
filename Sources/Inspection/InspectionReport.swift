// All that was found, as words for a terminal and as JSON.
import Base

package struct InspectionReport {
  /// Rows that were looked at.
  package let rows: Int
  /// The names of the checks that were made.
  package let checks: [String]
  /// Mistakes first, then warnings, then notes.
  package private(set) var findings: [Finding]

  /// Adds that train refuses the data, unless rows that it refuses are among the findings.
  package mutating func add(refusals: [UserError]) {
    guard !refusals.isEmpty,
      !findings.contains(where: { $0.severity == .mistake && $0.name == RefusedRows.name }),
      !findings.contains(where: { $0.severity == .mistake && $0.name == ChangedTurns.name })
    else { return }
    findings = Self.ordered([RefusedRows.finding(refusals)] + findings)
  }

  init(rows: Int, checks: [String], _ findings: [Finding]) {
    self.rows = rows
    self.checks = checks
    self.findings = Self.ordered(findings)
  }

  static func ordered(_ findings: [Finding]) -> [Finding] {
    Finding.Severity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
  }

  package func count(_ severity: Finding.Severity) -> Int { findings.count { $0.severity == severity } }

  /// What was looked at and found, in a line.
  package var summary: String {
    "\(counted(rows, "row")), \(counted(checks.count, "check")): \(counted(count(.mistake), "mistake")), "
      + "\(counted(count(.warning), "warning")), \(counted(count(.note), "note"))"
  }

  /// A few lines for each finding.
  package var text: String {
    var lines: [String] = []
    for finding in findings {
      lines.append(
        cell(finding.severity.rawValue, width: 9) + cell(finding.name, width: 30) + finding.sentence)
      let names = finding.examples.map { $0.place.printable(4200) }
      let places = names.map(\.count).max() ?? 0
      for (name, example) in zip(names, finding.examples) where !(name.isEmpty && example.text.isEmpty) {
        lines.append("         " + cell(name, width: places + 2) + example.text)
      }
      lines += ["         → " + finding.advice, ""]
    }
    return (lines + [summary]).joined(separator: "\n")
  }

  package var json: JSON {
    .object([
      "rows": .integer(rows), "mistakes": .integer(count(.mistake)), "warnings": .integer(count(.warning)),
      "notes": .integer(count(.note)), "checks": .array(checks.map { .string($0) }),
      "findings": .array(findings.map(\.json)),
    ])
  }
}

// What a check has found in data.
import Base

package struct Finding: Equatable, Sendable {
  package enum Severity: String, CaseIterable, Sendable {
    /// What is trained is not what anybody means.
    case mistake
    /// It is there, and whether it belongs there, only the user knows.
    case warning
    /// Worth knowing.
    case note
  }

  /// One place where it is.
  package struct Example: Equatable, Sendable {
    /// `file:line`
    package var place: String
    /// A part of the row in one line, without secrets.
    package var text: String

    package init(_ place: String, _ text: String) {
      self.place = place
      self.text = text
    }
  }

  /// That of its check.
  package var name: String
  package var severity: Severity
  /// What was found, such as `rows that begin with <s> twice`.
  package var what: String
  /// How many of how many rows; nil for what is not of rows.
  package var rows: (found: Int, of: Int)?
  package var examples: [Example]
  /// What to do.
  package var advice: String

  package init(
    _ name: String, _ severity: Severity, _ what: String, rows: (found: Int, of: Int)? = nil,
    examples: [Example] = [], advice: String
  ) {
    self.name = name
    self.severity = severity
    self.what = what
    self.rows = rows
    self.examples = examples
    self.advice = advice
  }

  package static func == (a: Finding, b: Finding) -> Bool {
    a.name == b.name && a.severity == b.severity && a.what == b.what && a.rows?.found == b.rows?.found
      && a.rows?.of == b.rows?.of && a.examples == b.examples && a.advice == b.advice
  }

  /// The finding in a line, without its examples.
  package var sentence: String {
    guard let rows else { return what }
    return "\(what): \(grouped(rows.found)) of \(grouped(rows.of)) (\(percent(rows.found, of: rows.of)))"
  }
}

/// A share for people: `0.3 %`, and never a rounded 0 or 100.
package func percent(_ part: Int, of all: Int) -> String {
  guard all > 0 else { return "0 %" }
  let share = 100 * Double(part) / Double(all)
  if part > 0, share < 0.1 { return "under 0.1 %" }
  if part < all, share > 99.9 { return "over 99.9 %" }
  return part == 0 || part == all ? "\(part == 0 ? 0 : 100) %" : decimals(share, 1) + " %"
}

extension Finding {
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("name", .string(name)), ("severity", .string(severity.rawValue)), ("what", .string(what)),
    ]
    if let rows {
      members += [("rows", .integer(rows.found)), ("of", .integer(rows.of))]
    }
    let examples = examples.map { JSON.object(["at": .string($0.place), "text": .string($0.text)]) }
    return .object(members: members + [("examples", .array(examples)), ("advice", .string(advice))])
  }
}

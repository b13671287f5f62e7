// What the doctor found about hosts and the links between them, a row each.
import Base

struct Finding: Codable, Equatable {
  enum State: String, Codable {
    case ok
    /// It works, and could be faster.
    case slow
    /// A run would fail, or not be what the user means.
    case wrong
  }

  /// What was looked at, in a word or two.
  let what: String
  /// The hosts that it is about.
  let place: String
  let state: State
  let value: String
  /// What to do; empty if there is nothing to do.
  let hint: String

  init(_ state: State, _ what: String, _ place: String, _ value: String, hint: String = "") {
    self.what = what
    self.place = place
    self.state = state
    self.value = value
    self.hint = hint
  }

  var line: String {
    cell(state.rawValue, width: 7) + cell(what, width: 12) + place + (value.isEmpty ? "" : ": \(value)")
      + (hint.isEmpty ? "" : " (\(hint))")
  }
}

extension [Finding] {
  var text: String { map(\.line).joined(separator: "\n") }

  /// How many are wrong.
  var wrongCount: Int { count { $0.state == .wrong } }

  /// One row in the place of rows that say the same of several hosts.
  var joined: [Finding] {
    var result: [Finding] = []
    for finding in self {
      let alike = result.firstIndex {
        $0.what == finding.what && $0.state == finding.state && $0.value == finding.value
          && $0.hint == finding.hint
      }
      if let alike {
        let places = result[alike].place + ", " + finding.place
        result[alike] = Finding(finding.state, finding.what, places, finding.value, hint: finding.hint)
      } else {
        result.append(finding)
      }
    }
    return result
  }
}

// A line that shows how far work has come: redrawn on a terminal, and written anew now and then elsewhere.
import Base
import Foundation

package struct ProgressBar {
  /// The columns of the terminal; nil where there is none.
  private let columns: Int?
  private var lastLine = Date.distantPast

  package init(columns: Int?) { self.columns = columns }

  /// What to write.
  /// - Parameter facts: what stands behind the bar.
  /// - Returns: nil where it is not time for a line.
  package mutating func text(_ done: Int, of all: Int, label: String = "", facts: String) -> String? {
    if let columns {
      let count = "\(label)\(done)/\(all) "
      let cells = min(max(columns - count.count - facts.count - 4, 5), 40)
      let full = cells * done / max(all, 1)
      let bar = String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
      return "\r\u{1B}[K\(count)\(bar)  \(facts)"
    }
    guard Date().timeIntervalSince(lastLine) > 5 || done == all else { return nil }
    lastLine = Date()
    return "\(label)\(done)/\(all)  \(facts)\n"
  }
}

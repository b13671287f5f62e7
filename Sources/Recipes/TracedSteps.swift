// Which steps of a run are written down in all their parts.
import Base

package struct TracedSteps: Sendable, Equatable {
  package var steps: ClosedRange<Int>

  /// The most steps: each rank keeps all parts of them in memory.
  static let most = 100

  /// `trace`: a step, or the first and the last of several (`10-12`); nil for none.
  static func read(_ section: Section) -> TracedSteps? {
    let key = "trace"
    guard let given = section.raw(key) else { return nil }
    section.record(key, given)
    let text = given.text ?? given.encoded()
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first > 0, first <= last
    else {
      section.fail(key, "is \"\(text)\", which names no steps", hint: "such as 10 or 10-12")
      return nil
    }
    guard last - first < most else {
      section.fail(key, "names \(last - first + 1) steps", hint: "\(most) at most")
      return nil
    }
    return TracedSteps(steps: first...last)
  }
}

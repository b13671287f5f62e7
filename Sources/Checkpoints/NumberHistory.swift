// What a run remembers of the numbers of its steps, so that one that goes on decides as one that was not stopped.
import Base

package struct NumberHistory: Sendable, Equatable {
  /// The last finite gradient norms, oldest first; empty in checkpoints from before they were kept.
  package var norms: [Double] = []
  /// Steps whose update was left out, since the run began.
  package var skipped = 0
  /// How many of these were the last ones, one after another, and not finite.
  package var brokenInARow = 0

  package init() {}

  var members: [(String, JSON)] {
    [
      ("gradient_norms", .array(norms.map { .number($0) })), ("skipped_steps", .integer(skipped)),
      ("broken_steps_in_a_row", .integer(brokenInARow)),
    ]
  }

  /// - Parameter step: how many steps were done.
  /// - Returns: nil where no run leaves such a history.
  init?(_ json: JSON, step: Int) {
    let all = json["gradient_norms"]?.elements ?? []
    norms = all.compactMap(\.double)
    skipped = json["skipped_steps"]?.integer ?? 0
    brokenInARow = json["broken_steps_in_a_row"]?.integer ?? 0
    guard norms.count == all.count, norms.allSatisfy({ $0 >= 0 }), (0...step).contains(skipped),
      (0...skipped).contains(brokenInARow)
    else { return nil }
  }
}

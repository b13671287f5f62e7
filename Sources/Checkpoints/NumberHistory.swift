// What a run remembers about the numbers of its steps, so that a resumed run decides like one that was never stopped.
import Base

package struct NumberHistory: Sendable, Equatable {
  /// The last finite gradient norms, oldest first; empty in checkpoints that are older than this history.
  package var norms: [Double] = []
  /// Steps whose update was skipped, since the run began.
  package var skipped = 0
  /// How many updates in a row were skipped at the end because their numbers were not finite.
  package var brokenInARow = 0

  package init() {}

  var members: [(String, JSON)] {
    [
      ("gradient_norms", .array(norms.map { .number($0) })), ("skipped_steps", .integer(skipped)),
      ("broken_steps_in_a_row", .integer(brokenInARow)),
    ]
  }

  /// - Parameter step: how many steps were done.
  /// - Returns: nil if no run leaves such a history.
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

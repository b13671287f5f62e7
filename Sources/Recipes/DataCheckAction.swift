// What a run does about what is seen to be wrong with its data before the first step: `data.check`.

package enum DataCheckAction: String, CaseIterable, Sendable {
  /// Mistakes end the run before any work; warnings are told.
  case refuse
  /// Both are told, and the run goes on.
  case warn
  /// Nothing is looked at.
  case off
}

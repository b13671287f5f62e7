// What a run does about a step whose loss or gradient norm is out of order.

/// What happens if a loss or norm is not finite, or a norm is far outside its history.
package enum SpikeAction: String, CaseIterable, Sendable {
  /// A number that is not finite ends the run before the update (as Megatron-LM's check_for_nan_in_loss_and_grad); a
  /// norm that is only large is reported, since clipping bounds it.
  case stop
  /// The update of the step is skipped: weights and optimizer states stay as they are (as OLMo-core's
  /// SkipStepOptimizer). If the numbers of many steps in a row are not finite, the weights themselves are broken, and
  /// the run ends.
  case skip
  /// Reported, and the run goes on (as torch does).
  case `continue`
}

// What a run does about a step whose numbers are not as they should be.

/// What happens where a loss or norm is not finite, or a norm far outside of its history.
package enum SpikeAction: String, CaseIterable, Sendable {
  /// What is not finite ends the run before the update (as Megatron-LM's check_for_nan_in_loss_and_grad); a norm
  /// that is only large is told of, since clipping bounds it.
  case stop
  /// The step's update is left out: weights and optimizer states stay as they are (as OLMo-core's SkipStepOptimizer).
  /// Where step after step is not finite, the weights are what is broken, and the run ends.
  case skip
  /// Told of, and gone on with (as torch does).
  case `continue`
}

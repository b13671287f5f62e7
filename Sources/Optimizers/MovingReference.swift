// A reference that moves to the trained model: what a run must keep of it, beside the states of its optimizer.
import Kernels

/// Nothing is done behind an update: the state is filled from the reference's own weights when a checkpoint is written.
package struct MovingReference: UpdateSequel {
  package static let state = OptimizerState("reference")

  package init() {}
  package var states: [OptimizerState] { [Self.state] }

  package func follow(
    _ held: [UpdateStretch], firstState: Int, step: Int, gradientScale: Float, sums: any ParameterSums,
    engine: Engine
  ) {}
}

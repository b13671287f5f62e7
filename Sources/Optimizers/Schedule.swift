// The learning rate of every step.
import Foundation

/// Linear warm-up, then one of three ways to decay.
package struct Schedule: Sendable {
  package enum Shape: String, Sendable, CaseIterable {
    case constant
    /// A straight line down to the final ratio.
    case linear
    /// Half a cosine wave down to the final ratio (Loshchilov & Hutter 2017).
    case cosine
  }

  package var shape: Shape
  package var peak: Double
  package var warmupSteps: Int
  /// The last learning rate as a share of the peak.
  package var finalRatio: Double
  package var steps: Int

  package init(shape: Shape, peak: Double, warmupSteps: Int, finalRatio: Double, steps: Int) {
    self.shape = shape
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.finalRatio = finalRatio
    self.steps = steps
  }

  /// The learning rate of a step, the first being number 0. Warm-up reaches the peak at its last step.
  package func learningRate(step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
    let progress = min(Double(step - warmupSteps) / Double(max(steps - warmupSteps, 1)), 1)
    switch shape {
    case .constant: return peak
    case .linear: return peak * (1 - (1 - finalRatio) * progress)
    case .cosine: return peak * (finalRatio + (1 - finalRatio) * 0.5 * (1 + cos(.pi * progress)))
    }
  }
}

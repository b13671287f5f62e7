// The learning rate of every step.
import Foundation

/// Linear warm-up, then one of several ways to decay. Names and formulas are those of transformers, with the last rate as
/// a share of the peak.
package struct Schedule: Sendable {
  package enum Shape: String, Sendable, CaseIterable {
    case constant
    /// A straight line down to the final ratio.
    case linear
    /// Half a cosine wave down to the final ratio (Loshchilov & Hutter 2017).
    case cosine
    /// Several such waves, each from the peak (the same paper).
    case cosineRestarts = "cosine_restarts"
    /// A power of what is left of the run, down to the final ratio.
    case polynomial
    /// The inverse square root of the step (Vaswani et al. 2017).
    case inverseRoot = "inverse_sqrt"
    /// The peak until the last steps, and half a cosine wave there (Hu et al. 2024).
    case stable = "wsd"
    /// The peak until the loss on validation data stops falling; see `Plateau`.
    case plateau = "reduce_on_plateau"
  }

  /// What some shapes have beside the final ratio.
  package struct Details: Sendable {
    /// Of a polynomial.
    package var power = 1.0
    /// Waves of `cosineRestarts`.
    package var cycles = 1
    /// The last steps of `stable`, in which it decays; nil for a tenth of the run.
    package var decaySteps: Int?
    /// Of `inverseRoot`; nil for the steps of warm-up, or 10,000 without it.
    package var timescale: Int?
    /// The share of the peak that a run begins at, where the rate rises by the same factor in each step; nil otherwise.
    package var riseFrom: Double?
    /// Of `plateau`.
    package var plateau = Plateau.Settings()

    package init() {}
  }

  package var shape: Shape
  package var peak: Double
  package var warmupSteps: Int
  /// The last learning rate as a share of the peak.
  package var finalRatio: Double
  package var steps: Int
  package var details: Details

  package init(
    shape: Shape, peak: Double, warmupSteps: Int, finalRatio: Double, steps: Int, details: Details = Details()
  ) {
    self.shape = shape
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.finalRatio = finalRatio
    self.steps = steps
    self.details = details
  }

  /// The learning rate of a step, the first being number 0. Warm-up reaches the peak at its last step.
  package func learningRate(step: Int) -> Double {
    if let first = details.riseFrom {
      return peak * pow(first, 1 - min(Double(step) / Double(max(steps - 1, 1)), 1))
    }
    if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
    let progress = min(Double(step - warmupSteps) / Double(max(steps - warmupSteps, 1)), 1)
    switch shape {
    case .constant, .plateau: return peak
    case .linear: return peak * (1 - (1 - finalRatio) * progress)
    case .cosine: return wave(progress)
    case .cosineRestarts:
      let waves = Double(details.cycles) * progress
      return wave(progress < 1 ? waves - waves.rounded(.down) : 1)
    case .polynomial: return peak * (finalRatio + (1 - finalRatio) * pow(1 - progress, details.power))
    case .inverseRoot:
      let timescale = Double(details.timescale ?? (warmupSteps > 0 ? warmupSteps : 10_000))
      return peak / ((Double(step - warmupSteps) + timescale) / timescale).squareRoot()
    case .stable:
      let decay = min(details.decaySteps ?? max(1, steps / 10), max(steps - warmupSteps, 1))
      return wave(min(max(Double(step - (steps - decay)) / Double(decay), 0), 1))
    }
  }

  /// Half a cosine wave from the peak, at 0, to the last rate, at 1.
  private func wave(_ place: Double) -> Double {
    peak * (finalRatio + (1 - finalRatio) * 0.5 * (1 + cos(.pi * place)))
  }
}

// Lowers the learning rate where a loss does not fall, as torch's ReduceLROnPlateau with mode min and a relative
// threshold.
import Base

package struct Plateau: Sendable, Equatable {
  package struct Settings: Sendable, Equatable {
    /// What the rate is multiplied by.
    package var factor = 0.1
    /// How many measurements in a row may be no better before it is.
    package var patience = 10
    /// How much lower a loss must be to be better, as a share of the best.
    package var threshold = 1e-4
    /// Measurements behind a reduction that do not count.
    package var cooldown = 0
    /// The lowest rate as a share of the first one.
    package var lowest = 0.0

    package init() {}
  }

  private let settings: Settings
  /// The first rate: reductions by no more than 1e-8 are not made, as in torch.
  private let peak: Double
  /// The rate as a share of the first one.
  package private(set) var factor = 1.0
  private var best = Double.infinity
  /// Measurements in a row that were no better.
  private var bad = 0
  /// Measurements that will not count.
  private var cooling = 0

  package init(_ settings: Settings, peak: Double) {
    (self.settings, self.peak) = (settings, peak)
  }

  /// Takes the loss of a measurement; one that is not a number is no better.
  package mutating func note(_ loss: Double) {
    if loss < best * (1 - settings.threshold) {
      best = loss
      bad = 0
    } else {
      bad += 1
    }
    if cooling > 0 {
      cooling -= 1
      bad = 0
    }
    guard bad > settings.patience else { return }
    let next = max(factor * settings.factor, settings.lowest)
    if (factor - next) * peak > 1e-8 { factor = next }
    cooling = settings.cooldown
    bad = 0
  }

  /// What a checkpoint keeps.
  package var json: JSON {
    .object([
      "factor": .number(factor), "best": best.isFinite ? .number(best) : .null, "bad": .integer(bad),
      "cooling": .integer(cooling),
    ])
  }

  /// Goes on from what a checkpoint keeps.
  /// - Returns: false where no run leaves such numbers.
  package mutating func restore(_ kept: JSON) -> Bool {
    guard let factor = kept["factor"]?.double, let bad = kept["bad"]?.integer,
      let cooling = kept["cooling"]?.integer, factor >= 0, factor <= 1, bad >= 0, cooling >= 0
    else { return false }
    (self.factor, self.bad, self.cooling) = (factor, bad, cooling)
    best = kept["best"]?.double ?? .infinity
    return true
  }
}

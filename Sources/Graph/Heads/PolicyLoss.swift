// The loss of a policy on answers that an earlier one gave: clipped ratios of probabilities times advantages (PPO,
// Schulman et al. 2017), and a penalty on the distance to a reference.
import Foundation

/// How the loss of an answer follows from the log-probabilities of its tokens. Formulas are those of TRL 1's GRPOTrainer.
package struct PolicyLoss: Sendable, Equatable {
  /// What a ratio is of.
  package enum Level: String, CaseIterable, Sendable {
    /// Each token.
    case token
    /// An answer, with the mean over its tokens (GSPO, Zheng et al. 2025).
    case sequence
    /// An answer as a whole, which has one loss.
    case answer
  }

  package var level: Level
  /// Ratios count from 1 - low to 1 + high.
  package var low: Double
  package var high: Double
  /// Where a ratio ends that would count below the range.
  package var delta: Double?
  /// The weight of the distance to the reference; 0 for none.
  package var beta: Double
  /// Whether the distance is weighted by the ratio, so that its gradient is unbiased.
  package var correctsDistance: Bool

  package init(
    level: Level = .token, low: Double = 0.2, high: Double = 0.2, delta: Double? = nil, beta: Double = 0,
    correctsDistance: Bool = true
  ) {
    (self.level, self.low, self.high, self.delta) = (level, low, high, delta)
    (self.beta, self.correctsDistance) = (beta, correctsDistance)
  }

  /// What one answer adds to a loss.
  package struct Sums: Equatable, Sendable {
    package var loss = 0.0
    /// Over its tokens: the distance to the reference, and how many ratios were clipped.
    package var distance = 0.0
    package var clipped = 0.0
  }

  /// The clipped objective of one ratio, negated.
  /// - Returns: the loss, its slope in the logarithm of the ratio, and whether the ratio was clipped.
  private func clipped(_ ratio: Double, _ advantage: Double) -> (loss: Double, slope: Double, isClipped: Bool) {
    let bounded = delta.map { min(ratio, $0) } ?? ratio
    let inside = min(max(ratio, 1 - low), 1 + high)
    let isClipped = ratio < 1 - low && advantage < 0 || ratio > 1 + high && advantage > 0
    if bounded * advantage <= inside * advantage {
      return (-bounded * advantage, bounded == ratio ? -ratio * advantage : 0, isClipped)
    }
    return (-inside * advantage, inside == ratio ? -ratio * advantage : 0, isClipped)
  }

  /// The loss of one answer.
  /// - Parameters:
  ///   - now: the log-probabilities of its tokens, in nats.
  ///   - old: those when it was given; nil for the same as now.
  ///   - reference: those of the reference; nil without one.
  ///   - divisor: of all its losses.
  ///   - slopes: gets the slope of the loss in each log-probability.
  package func callAsFunction(
    _ now: [Double], old: [Double]?, reference: [Double]?, advantage: Double, divisor: Double,
    slopes: UnsafeMutableBufferPointer<Double>
  ) -> Sums {
    var sums = Sums()
    let count = Double(max(now.count, 1))
    let logs = now.indices.map { now[$0] - (old?[$0] ?? now[$0]) }
    var whole: (ratio: Double, loss: Double, slope: Double, isClipped: Bool)?
    if level != .token {
      let sum = logs.reduce(0, +)
      let ratio = exp(level == .answer ? sum : sum / count)
      let found = clipped(ratio, advantage)
      whole = (ratio, found.loss, found.slope, found.isClipped)
      if found.isClipped { sums.clipped = count }
      if level == .answer { sums.loss += found.loss / divisor }
    }
    var distances = 0.0
    for token in now.indices {
      var slope: Double
      let ratio: Double
      if let whole {
        // Each of the answer's tokens has its loss, and moves the ratio by its share.
        slope = whole.slope
        ratio = whole.ratio
        if level == .sequence { sums.loss += whole.loss / divisor }
      } else {
        ratio = exp(logs[token])
        let found = clipped(ratio, advantage)
        slope = found.slope
        sums.loss += found.loss / divisor
        if found.isClipped { sums.clipped += 1 }
      }
      if let reference {
        let difference = reference[token] - now[token]
        let distance = exp(difference) - difference - 1
        sums.distance += distance
        if beta != 0, level != .answer {
          let weight = correctsDistance ? ratio : 1
          sums.loss += beta * distance * weight / divisor
          slope += beta * (1 - exp(difference)) * weight
          if correctsDistance {
            if level == .token { slope += beta * distance * ratio } else { distances += distance * ratio }
          }
        }
      }
      slopes[token] = slope / divisor
    }
    if distances != 0 {
      for token in now.indices { slopes[token] += beta * distances / count / divisor }
    }
    return sums
  }
}

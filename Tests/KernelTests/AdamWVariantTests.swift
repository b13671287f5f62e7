// AdamW beside wrong versions of it that other trainers had: each would be far off where ours is not.
import Foundation
import Kernels
import Optimizers
import Reference
import Testing

@Suite struct AdamWVariantTests {
  /// The update of one number in fp64, right or wrong in one way.
  private struct Formula {
    enum Mistake: CaseIterable {
      case noBiasCorrection, epsilonInsideTheRoot, epsilonBeforeCorrection, coupledDecay, bfloat16Moments
      case decayAfterTheUpdate
    }

    var mistake: Mistake?
    var w: Double
    var m = 0.0
    var v = 0.0

    mutating func update(_ gradient: Double, _ rule: AdamW, step: Int, rate: Double) {
      let start = w
      var g = gradient
      if mistake == .coupledDecay { g += rule.weightDecay * w }
      m = rule.beta1 * m + (1 - rule.beta1) * g
      v = rule.beta2 * v + (1 - rule.beta2) * g * g
      if mistake == .bfloat16Moments { (m, v) = (rounded(m), rounded(v)) }
      let correct1 = mistake == .noBiasCorrection ? 1 : 1 - pow(rule.beta1, Double(step))
      let correct2 = mistake == .noBiasCorrection ? 1 : 1 - pow(rule.beta2, Double(step))
      let divisor =
        switch mistake {
        case .epsilonInsideTheRoot: (v / correct2 + rule.epsilon).squareRoot()
        case .epsilonBeforeCorrection: (v.squareRoot() + rule.epsilon) / correct2.squareRoot()
        default: (v / correct2).squareRoot() + rule.epsilon
        }
      w -= rate * (m / correct1) / divisor
      let decay = rate * rule.weightDecay
      switch mistake {
      case .coupledDecay: break
      case .decayAfterTheUpdate: w *= 1 - decay
      default: w -= decay * start
      }
    }

    /// Rounds to the nearest number of eight significant bits.
    private func rounded(_ value: Double) -> Double {
      guard value != 0 else { return 0 }
      let unit = pow(2, Double(value.exponent) - 7)
      return (value / unit).rounded(.toNearestOrEven) * unit
    }
  }

  @Test func everyMistakeWouldShow() throws {
    let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-3, weightDecay: 0.5)
    let (count, steps, rate) = (64, 200, 0.02)
    var draw = Draw(90)
    let start = draw.floats(count)
    let gradients = (0..<steps).map { _ in draw.floats(count, scale: 0.02).map { $0 + 0.01 } }
    let engine = try Engine(threads: 1)
    let (w, m, v) = (Floats(start), Floats(count: count, of: 0), Floats(count: count, of: 0))
    for (index, gradient) in gradients.enumerated() {
      let gradient = Floats(gradient)
      rule.update(
        UpdateStretch(
          weights: w.base, gradients: gradient.input,
          states: [UnsafeMutableRawPointer(m.base), UnsafeMutableRawPointer(v.base)], count: count,
          decays: true),
        step: index + 1, learningRate: rate, gradientScale: 1, engine: engine)
    }
    func formula(_ mistake: Formula.Mistake?) -> [Formula] {
      start.indices.map { place in
        var number = Formula(mistake: mistake, w: Double(start[place]))
        for (index, gradient) in gradients.enumerated() {
          number.update(Double(gradient[place]), rule, step: index + 1, rate: rate)
        }
        return number
      }
    }
    let right = formula(nil)
    // Two hundred roundings of weights of size 1.
    let tolerance = 2e-5
    expectClose(w.values, right.map(\.w), tolerance, scale: 1, "weights")
    expectClose(m.values, right.map(\.m), 1e-5, "first moments")
    expectClose(v.values, right.map(\.v), 1e-5, "second moments")
    var told = 0
    for mistake in Formula.Mistake.allCases {
      let wrong = formula(mistake)
      let error = worstError(w.values, wrong.map(\.w), scale: 1)
      #expect(error > 10 * tolerance, "\(mistake) would not show")
      told += 1
    }
    #expect(told == 6)
  }
}

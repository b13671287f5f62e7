// The update rules against their formulas in fp64, over several steps.
import Foundation
import Kernels
import Optimizers
import Reference
import Testing

@Suite struct AdamWTests {
  /// The formula of torch.optim.AdamW for one element.
  private struct Element {
    var w: Double
    var m = 0.0
    var v = 0.0

    mutating func update(_ g: Double, _ rule: AdamW, step: Int, rate: Double, decays: Bool) {
      if decays { w -= rate * rule.weightDecay * w }
      m = rule.beta1 * m + (1 - rule.beta1) * g
      v = rule.beta2 * v + (1 - rule.beta2) * g * g
      let mHat = m / (1 - pow(rule.beta1, Double(step)))
      let vHat = v / (1 - pow(rule.beta2, Double(step)))
      w -= rate * mHat / (vHat.squareRoot() + rule.epsilon)
    }
  }

  @Test func tenSteps() throws {
    let rules = [
      AdamW(), AdamW(beta1: 0.5, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1),
      AdamW(beta1: 0, beta2: 0.9, epsilon: 1e-3, weightDecay: 0),
    ]
    var draw = Draw(80)
    var ran = 0
    for rule in rules {
      for count in [1, 3, 15, 16, 17, 33, 100, 20000] {
        for decays in [false, true] {
          let start = draw.floats(count)
          // Gradients of very different sizes; the first is 0 throughout.
          let gradients = (0..<10).map { step in
            Floats(
              draw.floats(count).enumerated().map { $0 == 0 ? 0 : $1 * Float(pow(10, Double($0 % 9 - 6))) })
          }
          let clip: Float = 0.75
          let results = try onEveryEngine { engine in
            let w = Floats(start)
            let states = rule.states.map { _ in Floats(count: count, of: 0) }
            for step in 1...10 {
              rule.update(
                UpdateStretch(
                  weights: w.base, gradients: gradients[step - 1].input,
                  states: states.map { UnsafeMutableRawPointer($0.base) },
                  count: count, decays: decays),
                step: step, learningRate: 0.01, gradientScale: clip, engine: engine)
            }
            return [w] + states
          }
          var want = start.map { Element(w: Double($0)) }
          for step in 1...10 {
            let values = gradients[step - 1].values
            for index in want.indices {
              want[index].update(
                Double(values[index]) * Double(clip), rule, step: step, rate: 0.01, decays: decays)
            }
          }
          // Ten roundings of a weight of size 1, and of ratios of moments times the rate.
          expectClose(results[0], want.map(\.w), 1e-6, scale: 1, "weights, \(count)")
          let error = zip(results[2], want).map { abs(Double($0) - $1.v) / max($1.v, 1e-30) }
          #expect(error.allSatisfy { $0 <= 2e-6 }, "second moments, \(count)")
          expectClose(results[1], want.map(\.m), 1e-6, "first moments, \(count)")
          ran += 1
        }
      }
    }
    #expect(ran == 3 * 8 * 2)
  }

  @Test func anyCutGivesTheSameBits() throws {
    var draw = Draw(81)
    let count = 1000
    let (start, gradients) = (draw.floats(count), Floats(draw.floats(count)))
    let engine = try Engine(threads: 2)
    let rule = AdamW(weightDecay: 0.1)
    func run(_ cuts: [Int]) -> [[Float]] {
      let (w, m, v) = (Floats(start), Floats(count: count, of: 0), Floats(count: count, of: 0))
      for step in 1...3 {
        for (lower, upper) in zip(cuts, cuts.dropFirst()) {
          rule.update(
            UpdateStretch(
              weights: w.base + lower, gradients: gradients.input + lower,
              states: [UnsafeMutableRawPointer(m.base + lower), UnsafeMutableRawPointer(v.base + lower)],
              count: upper - lower, decays: true),
            step: step, learningRate: 0.1, gradientScale: 1, engine: engine)
        }
      }
      return [w.values, m.values, v.values]
    }
    let whole = run([0, count])
    for cuts in [[0, 1, count], [0, 500, count], [0, 7, 23, 24, 999, count]] {
      #expect(zip(run(cuts), whole).allSatisfy { sameBits($0, $1) }, "\(cuts)")
    }
  }

  @Test func notANumberStaysInItsPlace() throws {
    let (w, m, v) = (Floats(count: 40, of: 1), Floats(count: 40, of: 0), Floats(count: 40, of: 0))
    let gradients = Floats(count: 40, of: 0.5)
    gradients.base[33] = .nan
    AdamW().update(
      UpdateStretch(
        weights: w.base, gradients: gradients.input,
        states: [UnsafeMutableRawPointer(m.base), UnsafeMutableRawPointer(v.base)], count: 40, decays: true),
      step: 1, learningRate: 0.1, gradientScale: 1, engine: try Engine(threads: 1))
    for result in [w, m, v] { #expect(result.values.indices.filter { result.values[$0].isNaN } == [33]) }
  }
}

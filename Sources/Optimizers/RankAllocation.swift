// The allocation of ranks of AdaLoRA (Zhang et al. 2023), as PEFT's `RankAllocator` computes it: the least important
// singular values of all terms together are set to 0, so many that those left are within a budget.
//
//   I = |w · g|,   Ī ← β1 Ī + (1 − β1) I,   Ū ← β2 Ū + (1 − β2) |I − Ī|,   s = Ī · Ū   for every number of A, E and B
//   importance of a singular value: s of E, plus the mean of s over its row of A, plus that over its column of B
//
// Means run over rows and columns of which ranks own arbitrary parts. Each is summed in fp64 over each grain, then over
// grains in the order of the line.
import Foundation
import Kernels
import Tensors

/// How many singular values are left after each step, over all terms.
package struct RankBudget: Sendable {
  /// The steps before the first allocation, and behind the last.
  package var firstSteps: Int
  package var lastSteps: Int
  /// Ranks are allocated every so many steps.
  package var interval: Int
  package var totalSteps: Int
  /// The mean rank of a term at the end.
  package var targetRank: Int
  /// Terms that have no rank any more, and count as the others do.
  package var lostTerms: Int

  package init(
    firstSteps: Int, lastSteps: Int, interval: Int, totalSteps: Int, targetRank: Int, lostTerms: Int = 0
  ) {
    self.lostTerms = lostTerms
    self.firstSteps = firstSteps
    self.lastSteps = lastSteps
    self.interval = interval
    self.totalSteps = totalSteps
    self.targetRank = targetRank
  }

  private var end: Int { totalSteps - lastSteps }

  /// Whether the gradient of a step counts.
  func scores(_ step: Int) -> Bool { step < end }

  /// Whether what was pruned stays so from this step on.
  func isSettled(_ step: Int) -> Bool { step > end }

  /// What is left of so many singular values; nil if a step allocates nothing.
  func left(_ step: Int, of initial: Int, terms: Int) -> Int? {
    guard step > firstSteps, step <= end, step == end || step % interval == 0 else { return nil }
    let target = targetRank * (terms + lostTerms)
    let share = 1 - Double(step - firstSteps) / Double(end - firstSteps)
    return Int(Double(initial - target) * pow(share, 3) + Double(target))
  }
}

package struct RankAllocation: UpdateSequel {
  package var budget: RankBudget
  package var beta1: Double
  package var beta2: Double

  package init(_ budget: RankBudget, beta1: Double, beta2: Double) {
    self.budget = budget
    self.beta1 = beta1
    self.beta2 = beta2
  }

  /// Ī and Ū, and 1 for each singular value that is pruned.
  package var states: [OptimizerState] { Self.states }
  package static let states = [
    OptimizerState("importance") { SingularTerm.Part(of: $0) != nil },
    OptimizerState("uncertainty") { SingularTerm.Part(of: $0) != nil },
    OptimizerState("pruned", .uint8) { SingularTerm.Part(of: $0) == .values },
  ]

  package func follow(
    _ held: [UpdateStretch], firstState: Int, step: Int, gradientScale: Float, sums: any ParameterSums,
    engine: Engine
  ) {
    let terms = SingularTerm.all(in: sums.layout)
    if budget.scores(step) {
      for stretch in held where terms.parts[stretch.parameter] != nil {
        score(stretch, firstState, gradientScale, engine)
      }
    }
    let initial = terms.ranks.reduce(0, +)
    if let left = budget.left(step, of: initial, terms: terms.ranks.count) {
      allocate(held, firstState, terms, pruning: initial - left, sums, engine)
    } else if budget.isSettled(step) {
      forEachValue(held, firstState, terms) { _, weight, isPruned in
        if isPruned.pointee == 1 { weight.pointee = 0 }
      }
    }
  }

  private func score(_ stretch: UpdateStretch, _ firstState: Int, _ gradientScale: Float, _ engine: Engine) {
    let (importance, uncertainty) = (stretch.floats(firstState), stretch.floats(firstState + 1))
    let (keep1, take1) = (Float(beta1), Float(1 - beta1))
    let (keep2, take2) = (Float(beta2), Float(1 - beta2))
    func magnitude(_ x: Vector) -> Vector { x.replacing(with: -x, where: x .< 0) }
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let now = magnitude($0.load(stretch.weights) * ($0.load(stretch.gradients) * gradientScale))
        let mean = $0.load(importance) * keep1 + now * take1
        $0.store(mean, importance)
        $0.store($0.load(uncertainty) * keep2 + magnitude(now - mean) * take2, uncertainty)
      }
    }
  }

  /// Sets all but the most important singular values to 0.
  private func allocate(
    _ held: [UpdateStretch], _ firstState: Int, _ terms: SingularTerm.All, pruning count: Int,
    _ sums: any ParameterSums, _ engine: Engine
  ) {
    var importance = [Double](repeating: 0, count: terms.ranks.reduce(0, +))
    let partial = held.flatMap { stretch -> [Double] in
      guard let part = terms.parts[stretch.parameter] else { return [] }
      return part.sums(of: stretch, stretch.floats(firstState), stretch.floats(firstState + 1), engine)
    }
    func sumCount(_ range: ParameterRange) -> Int { terms.parts[range.parameter]?.sumCount(range) ?? 0 }
    sums.gather(partial, count: sumCount) { range, values in
      guard let part = terms.parts[range.parameter] else { return }
      part.add(values, of: range, to: &importance)
    }
    // The k-th smallest, and what is not above it.
    let threshold = count > 0 ? importance.sorted()[count - 1] : -.infinity
    forEachValue(held, firstState, terms) { value, weight, isPruned in
      isPruned.pointee = importance[value] <= threshold ? 1 : 0
      if isPruned.pointee == 1 { weight.pointee = 0 }
    }
  }

  /// The singular values that this rank holds, by their numbers over all terms.
  private func forEachValue(
    _ held: [UpdateStretch], _ firstState: Int, _ terms: SingularTerm.All,
    _ body: (
      _ value: Int, _ weight: UnsafeMutablePointer<Float>, _ isPruned: UnsafeMutablePointer<UInt8>
    ) -> Void
  ) {
    for stretch in held {
      guard let part = terms.parts[stretch.parameter], part.part == .values,
        let pruned = stretch.states[firstState + 2]?.assumingMemoryBound(to: UInt8.self)
      else { continue }
      for index in 0..<stretch.count {
        body(part.first + stretch.start + index, stretch.weights + index, pruned + index)
      }
    }
  }
}

// What an optimizer is: a rule that updates weights from their gradients and its states.
import Kernels
import Tensors

/// One range of a parameter, updated as a whole: weights and gradients have `count` elements.
package struct UpdateStretch {
  package let weights: UnsafeMutablePointer<Float>
  package let gradients: UnsafePointer<Float>
  /// The states in the order of the rule, nil if a state does not cover the parameter. Each points to the first
  /// element of the range, or of the parameter's rows or columns.
  package let states: [UnsafeMutableRawPointer?]
  package let count: Int
  /// Whether weight decay applies.
  package let decays: Bool
  /// The factor of the learning rate.
  package var rateFactor: Double
  /// A weight decay of its own, which applies whether `decays` or not.
  package let weightDecay: Double?
  /// The parameter, as an index into the layout.
  package let parameter: Int
  package let shape: [Int]
  /// The number of the range's first element within the parameter.
  package let start: Int
  /// How many numbers after the start of its segment of the line the range begins: blocks and grains are counted from
  /// there.
  package let phase: Int

  package init(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
    states: [UnsafeMutableRawPointer?], count: Int, decays: Bool, rateFactor: Double = 1,
    weightDecay: Double? = nil, parameter: Int = 0,
    shape: [Int]? = nil, start: Int = 0, phase: Int = 0
  ) {
    self.rateFactor = rateFactor
    self.weightDecay = weightDecay
    self.weights = weights
    self.gradients = gradients
    self.states = states
    self.count = count
    self.decays = decays
    self.parameter = parameter
    self.shape = shape ?? [count]
    self.start = start
    self.phase = phase
  }

  /// The weight decay that applies, where the rule has this one.
  func decay(_ usual: Double) -> Double { weightDecay ?? (decays ? usual : 0) }

  /// A state of fp32 numbers that covers the parameter.
  func floats(_ state: Int) -> UnsafeMutablePointer<Float> {
    guard let base = states[state] else {
      preconditionFailure("state \(state) does not cover this parameter")
    }
    return base.assumingMemoryBound(to: Float.self)
  }

  var range: ParameterRange {
    ParameterRange(parameter: parameter, start: start, count: count, phase: phase)
  }
}

/// An update rule.
package protocol UpdateRule: Sendable {
  /// The states of the rule; their names are also the names of their files.
  var states: [OptimizerState] { get }

  /// What a run measures and keeps in the place of the weights that it trains; nil where those are the same.
  var evaluated: EvaluatedWeights? { get }

  /// Why the rule cannot update such a model; nil if it can.
  func obstacle(in layout: ParameterLayout) -> String?

  /// How many fp32 numbers of memory an update takes while it runs, beside what the rule keeps.
  func workingCount(in layout: ParameterLayout) -> Int

  /// Updates everything that a rank holds. Collective: every rank calls it, with its own ranges.
  /// - Parameters:
  ///   - step: 1 for the first update.
  ///   - gradientScale: the factor that gradients are multiplied by first (clipping).
  ///   - gradientNorm: the norm of the whole gradient before scaling.
  ///   - finished: called with the number of each range once it is done, in order.
  func update(
    _ held: [UpdateStretch], step: Int, learningRate: Double, gradientScale: Float, gradientNorm: Double,
    sums: any ParameterSums, engine: Engine, finished: (Int) -> Void)
}

extension UpdateRule {
  package var evaluated: EvaluatedWeights? { nil }
  package func obstacle(in layout: ParameterLayout) -> String? { nil }
  package func workingCount(in layout: ParameterLayout) -> Int { 0 }
}

/// A rule in which numbers, or blocks of numbers, do not depend on each other, so that any cut into ranges gives the
/// same bits.
package protocol LocalRule: UpdateRule {
  func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine)
}

extension LocalRule {
  package func update(
    _ held: [UpdateStretch], step: Int, learningRate: Double, gradientScale: Float, gradientNorm: Double,
    sums: any ParameterSums, engine: Engine, finished: (Int) -> Void
  ) {
    for (index, stretch) in held.enumerated() {
      update(
        stretch, step: step, learningRate: learningRate * stretch.rateFactor, gradientScale: gradientScale,
        engine: engine)
      finished(index)
    }
  }
}

// What an optimizer is: a rule that updates a stretch of weights from its gradient and its states.
import Kernels

/// One stretch of the line, updated as a whole: all pointers have `count` elements.
package struct UpdateStretch {
  package let weights: UnsafeMutablePointer<Float>
  package let gradients: UnsafePointer<Float>
  /// As many as the rule has state names.
  package let states: [UnsafeMutablePointer<Float>]
  package let count: Int
  /// Whether weight decay applies.
  package let decays: Bool

  package init(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
    states: [UnsafeMutablePointer<Float>], count: Int, decays: Bool
  ) {
    self.weights = weights
    self.gradients = gradients
    self.states = states
    self.count = count
    self.decays = decays
  }
}

/// An update rule. Elements do not depend on each other, so that any cut into stretches gives the same bits.
package protocol UpdateRule: Sendable {
  /// One fp32 number per parameter each; also the names of the files they are saved in.
  var stateNames: [String] { get }

  /// - Parameters:
  ///   - step: 1 for the first update.
  ///   - gradientScale: what gradients are multiplied by first (clipping).
  func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine)
}

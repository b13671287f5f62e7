// A part of the loss that is a function of the weights alone. A step has it once, however its batch is cut.
import Kernels
import Tensors

package protocol WeightPenalty: AnyObject {
  /// Takes the weights of a step.
  /// - Returns: its value.
  func take(_ weights: WeightLine, _ engine: Engine) -> Double

  /// Its gradient for a parameter, an index into the layout.
  /// - Returns: as many numbers as the parameter has, valid until the next call; nil where it has none.
  func gradient(of parameter: Int, _ weights: WeightLine, _ engine: Engine) -> UnsafePointer<Float>?
}

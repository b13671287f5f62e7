// Weights drawn anew: a function of the seed and the parameter's name alone.
import Base
import Foundation
import Tensors

/// Fills the line as the parameters' specifications say.
/// - Parameter drawn: sees every part in fp32, before it is rounded to the type of the line.
package func drawWeights(
  seed: UInt64, into weights: WeightLine,
  drawn: (_ part: Range<Int>, UnsafePointer<Float>) -> Void = { _, _ in }
) {
  for parameter in weights.layout.parameters {
    var name: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in parameter.spec.name.utf8 { name = (name ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    var stream = PhiloxStream(seed: seed, stream: name)
    weights.fill(
      parameter.range,
      make: { _, target in
        switch parameter.spec.initial {
        case .zeros: target.update(repeating: 0)
        case .ones: target.update(repeating: 1)
        case .normal(let deviation):
          for index in target.indices {
            // Box and Muller 1958; 1 − u keeps the logarithm finite.
            let radius = (-2 * log(1 - stream.unit())).squareRoot()
            target[index] = Float(deviation * radius * cos(2 * .pi * stream.unit()))
          }
        }
      }, made: drawn)
  }
  weights.refreshVectors()
}

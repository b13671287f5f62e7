// Weights drawn anew: a function of the seed and the parameter's name alone.
import Base
import Foundation
import Tensors

/// Fills the flat line as the parameters' specifications say.
package func drawWeights(_ layout: ParameterLayout, seed: UInt64, into weights: UnsafeMutablePointer<Float>) {
  for parameter in layout.parameters {
    let target = weights + parameter.range.lowerBound
    switch parameter.spec.initial {
    case .zeros: target.update(repeating: 0, count: parameter.range.count)
    case .ones: target.update(repeating: 1, count: parameter.range.count)
    case .normal(let deviation):
      var name: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in parameter.spec.name.utf8 { name = (name ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      var stream = PhiloxStream(seed: seed, stream: name)
      for index in 0..<parameter.range.count {
        // Box and Muller 1958; 1 − u keeps the logarithm finite.
        let radius = (-2 * log(1 - stream.unit())).squareRoot()
        target[index] = Float(deviation * radius * cos(2 * .pi * stream.unit()))
      }
    }
  }
}

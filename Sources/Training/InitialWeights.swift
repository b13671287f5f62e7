// Random initial weights: a function of the seed and the parameter's name alone. Each of several adapters begins as in a
// run of its own.
import Base
import Foundation
import Graph
import Tensors

/// Draws parameters as their specifications say; every number is a function of its place.
package struct RandomWeights: WeightReader {
  private let layout: ParameterLayout
  private let seed: UInt64

  package init(_ layout: ParameterLayout, seed: UInt64) {
    self.layout = layout
    self.seed = seed
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) {
    let spec = layout.parameters[parameter].spec
    let name = AdapterMember.parts(of: spec.name)?.name ?? spec.name
    switch spec.initial {
    case .outputNorms, .factor, .rows: preconditionFailure("\(spec.name) follows from the base")
    case .zeros: target.update(repeating: 0)
    case .ones: target.update(repeating: 1)
    case .uniform(let bound):
      var stream = PhiloxStream(seed: seed, stream: FNV1a(name.utf8).value)
      stream.skip(elements.lowerBound)
      for index in target.indices { target[index] = Float(bound * (2 * stream.unit() - 1)) }
    case .normal(let deviation):
      var stream = PhiloxStream(seed: seed, stream: FNV1a(name.utf8).value)
      stream.skip(2 * elements.lowerBound)
      for index in target.indices {
        // Box and Muller 1958; using 1 − u keeps the logarithm finite.
        let radius = (-2 * log(1 - stream.unit())).squareRoot()
        target[index] = Float(deviation * radius * cos(2 * .pi * stream.unit()))
      }
    }
  }
}

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
      draw(name, from: elements.lowerBound, words: 1, into: target) {
        Float(bound * (2 * PhiloxStream.unit(of: $0[0]) - 1))
      }
    case .normal(let deviation):
      // Box and Muller 1958; using 1 − u keeps the logarithm finite.
      draw(name, from: elements.lowerBound, words: 2, into: target) {
        let radius = (-2 * log(1 - PhiloxStream.unit(of: $0[0]))).squareRoot()
        return Float(deviation * radius * cos(2 * .pi * PhiloxStream.unit(of: $0[1])))
      }
    }
  }

  /// Numbers `first` and on of a parameter, each made of `words` words of its stream.
  private func draw(
    _ name: some StringProtocol, from first: Int, words: Int, into target: UnsafeMutableBufferPointer<Float>,
    _ number: (UnsafePointer<UInt64>) -> Float
  ) {
    var stream = PhiloxStream(seed: seed, stream: FNV1a(name.utf8).value)
    stream.skip(words * first)
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: words * 512) { room in
      for start in stride(from: 0, to: target.count, by: 512) {
        let piece = start..<min(start + 512, target.count)
        stream.fill(UnsafeMutableBufferPointer(rebasing: room[..<(words * piece.count)]))
        for index in piece { target[index] = number(room.baseAddress! + words * (index - start)) }
      }
    }
  }
}

// A state of a checkpoint that has a number for each trained one, read as weights.
import Base
import Optimizers
import Sharding
import Tensors

package struct StateWeights: WeightReader {
  private let files: HuggingFaceWeights
  private let layout: ParameterLayout

  /// - Throws: if the state is missing for some parameter, or has another shape.
  package init(_ state: OptimizerState, layout: ParameterLayout, folder: String) throws {
    files = try HuggingFaceWeights(folder: folder, stem: state.name)
    try files.check(state, layout: layout)
    self.layout = layout
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    try files.read(layout.parameters[parameter].spec.name, into: target, range: elements)
  }
}

extension ShardedState {
  /// Takes a rank's part of what a line holds.
  package func fill(from line: WeightLine) {
    for part in parts {
      let target = bytes(of: part).assumingMemoryBound(to: Float.self)
      let start = line.layout.parameters[part.parameter].range.lowerBound
      let range = start + part.elements.lowerBound..<start + part.elements.upperBound
      line.read(range) { piece, values in
        for index in 0..<piece.count { target[piece.lowerBound - range.lowerBound + index] = values[index] }
      }
    }
  }
}

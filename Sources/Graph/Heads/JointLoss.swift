// A loss of all samples of a step together, such as one that compares them: micro-batches cannot know it alone.
//
// Each step runs forward first, for the representations of all rows; from these follow the loss and its gradient for
// every row. The micro-batches then get their rows' gradients as numbers, and carry them backward (Gao et al. 2021).
import Kernels
import Tensors

/// The loss of some samples that are compared with each other, and its gradient.
package typealias JointLossFormula =
  @Sendable (
    _ engine: Engine, _ z: UnsafePointer<Float>, _ rows: Int, _ columns: Int,
    _ numbers: UnsafePointer<Float>?,
    _ scale: Float, _ dz: UnsafeMutablePointer<Float>?, _ losses: UnsafeMutablePointer<Double>
  ) -> Void

extension Graph {
  /// Records the loss of rows' representations.
  /// - Parameters:
  ///   - z: [B, columns].
  ///   - formula: the loss where the micro-batch is all that is compared; it writes one loss for each sample.
  package func jointLoss(_ z: Value, _ formula: @escaping JointLossFormula) {
    guard purpose != .rehearsal else { return }
    let samples = z.rows / shape.rowsPerSample
    rowLoss(z) { frame in
      frame.predictAsGiven()
      if let given = frame.input.rowGradients { return frame.takeGradients(given) }
      var losses = [Double](repeating: 0, count: samples)
      losses.withUnsafeMutableBufferPointer {
        formula(
          frame.engine, frame.z, frame.rows, frame.columns, frame.input.numbers, frame.input.scale, frame.dz,
          $0.baseAddress!)
      }
      return losses.reduce(0, +)
    }
  }
}

extension RowLossFrame {
  /// - Parameter given: [rows, columns + 1]: the gradient of each row, and its share of the loss.
  fileprivate func takeGradients(_ given: UnsafePointer<Float>) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      let numbers = given + row * (columns + 1)
      sum += Double(numbers[columns])
      dz?.advanced(by: row * columns).update(from: numbers, count: columns)
    }
    return sum
  }
}

// How likely targets are, with keys and values of earlier tokens in a cache.
import Kernels
import Tensors

/// Leaves two numbers for each token in `LossCell.outputs`: first the losses of all tokens in nats, NaN without a target,
/// then for each whether its target is the likeliest token, 1 or 0.
struct TokenScores: Operation {
  let shape: CrossEntropyShape
  let loss: LossCell
  let hasBias: Bool
  var keeps: Keeps { Keeps() }

  func scratchCount(threads: Int) -> Int { shape.scratchCount }

  var productOperations: Double {
    2 * Double(shape.rows) * Double(shape.columns) * Double(shape.vocabulary)
  }

  func forward(_ frame: Frame) {
    let rows = shape.rows
    if loss.outputs.count != 2 * rows { loss.outputs = [Double](repeating: 0, count: 2 * rows) }
    withUnsafeTemporaryAllocation(of: Bool.self, capacity: rows) { hits in
      hits.initialize(repeating: false)
      loss.sum = loss.outputs.withUnsafeMutableBufferPointer { outputs in
        frame.engine.crossEntropy(
          shape, x: frame.input(0),
          weight: frame.matrix(0, rows: shape.vocabulary, columns: shape.columns),
          bias: hasBias ? frame.weight(1) : nil, targets: frame.input.targets, scale: 1,
          losses: outputs.baseAddress, hits: hits.baseAddress, dx: nil, dWeight: nil,
          scratch: frame.scratch)
      }
      for row in 0..<rows { loss.outputs[rows + row] = hits[row] ? 1 : 0 }
    }
  }

  func backward(_ frame: Frame) { preconditionFailure("scores are for reading, and have no gradient") }
}

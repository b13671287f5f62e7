// What an answer is expected to earn, for each place of it: one projection of the hidden states beside that onto the
// vocabulary.
import Kernels
import Tensors

/// v = x w + b, in fp32.
package struct ValueHead: Sendable {
  package static let weight = "v_head.weight"
  package static let bias = "v_head.bias"

  /// Whether a parameter is its own, which a run needs and a model does not.
  package static func owns(_ parameter: String) -> Bool { parameter == weight || parameter == bias }

  let rows: Int
  let columns: Int

  /// The values of places with a target; the others are left as they are.
  func forward(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: Float, targets: UnsafePointer<Int32>,
    into values: UnsafeMutablePointer<Float>, _ engine: Engine
  ) {
    engine.pool.run(rows) { row, _ in
      guard targets[row] >= 0 else { return }
      var sum = Vector()
      let xC = x + row * columns
      forEachVector(columns) { sum += $0.load(xC) * $0.load(weight) }
      values[row] = sum.total + bias
    }
  }

  /// Adds the gradients that values have.
  /// - Parameters:
  ///   - slopes: of the loss in each value, read where there is a target.
  ///   - dx: it has been written; nil if the hidden states have no gradient.
  ///   - dWeight: written anew; nil if the head is frozen.
  func backward(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, targets: UnsafePointer<Int32>,
    slopes: UnsafePointer<Float>, scale: Float, dx: UnsafeMutablePointer<Float>?,
    dWeight: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>?, _ engine: Engine
  ) {
    if let dx {
      engine.pool.run(rows) { row, _ in
        guard targets[row] >= 0 else { return }
        let slope = scale * slopes[row]
        let dxC = dx + row * columns
        forEachVector(columns) { $0.store($0.load(dxC) + $0.load(weight) * slope, dxC) }
      }
    }
    dBias?.pointee = 0
    if let dWeight { for column in 0..<columns { dWeight[column] = 0 } }
    for row in 0..<rows where targets[row] >= 0 {
      let slope = scale * slopes[row]
      dBias?.pointee += slope
      guard let dWeight else { continue }
      let xC = x + row * columns
      forEachVector(columns) { $0.store($0.load(dWeight) + $0.load(xC) * slope, dWeight) }
    }
  }
}

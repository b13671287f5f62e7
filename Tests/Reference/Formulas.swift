// The operations of Kernels as their papers write them, in fp64. Products alone are asked for so often that their speed
// counts.
import Foundation

package enum Reference {
  /// Σ_k a(i, k) · b(k, j), row by row. Each element of an operand is asked for once.
  package static func product(
    _ m: Int, _ n: Int, _ k: Int, a: (Int, Int) -> Double, b: (Int, Int) -> Double
  ) -> [Double] {
    var cMN = [Double](repeating: 0, count: m * n)
    add(matrix(m, k, a), matrix(k, n, b), inner: k, to: &cMN)
    return cMN
  }

  /// x [rows, inputs] times a weight stored [outputs, inputs], or [inputs, outputs].
  package static func linear(
    _ x: [Double], rows: Int, inputs: Int, weight: [Double], outputs: Int, outputByInput: Bool,
    bias: [Double]?
  ) -> [Double] {
    let weightIO = outputByInput ? matrix(inputs, outputs) { weight[$1 * inputs + $0] } : weight
    var yRO = matrix(rows, outputs) { bias?[$1] ?? 0 }
    add(x, weightIO, inner: inputs, to: &yRO)
    return yRO
  }

  @inline(__always)
  private static func matrix(_ rows: Int, _ columns: Int, _ element: (Int, Int) -> Double) -> [Double] {
    [Double](unsafeUninitializedCapacity: rows * columns) { x, count in
      for row in 0..<rows {
        for column in 0..<columns {
          x.initializeElement(at: row * columns + column, to: element(row, column))
        }
      }
      count = rows * columns
    }
  }

  /// C [m, n] += A [m, k] B [k, n]; each element is one sum in the order of k.
  private static func add(_ aMK: [Double], _ bKN: [Double], inner k: Int, to cMN: inout [Double]) {
    guard k > 0 else { return }
    let (m, n) = (aMK.count / k, bKN.count / k)
    precondition(aMK.count == m * k && bKN.count == k * n && cMN.count == m * n, "shapes that do not match")
    cMN.withUnsafeMutableBufferPointer { c in
      bKN.withUnsafeBufferPointer { b in
        for i in 0..<m {
          for p in 0..<k {
            let factor = aMK[i * k + p]
            for j in 0..<n { c[i * n + j] += factor * b[p * n + j] }
          }
        }
      }
    }
  }

  package static func norm(
    _ x: [Double], gain: [Double], bias: [Double]?, centred: Bool, epsilon: Double
  ) -> [Double] {
    let columns = gain.count
    var y = x
    for row in 0..<x.count / columns {
      let values = x[row * columns..<(row + 1) * columns]
      let mean = centred ? values.reduce(0, +) / Double(columns) : 0
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let inverse = 1 / (variance + epsilon).squareRoot()
      for column in 0..<columns {
        y[row * columns + column] =
          (x[row * columns + column] - mean) * inverse * gain[column] + (bias?[column] ?? 0)
      }
    }
    return y
  }

  /// x Φ(x).
  package static func gaussianGELU(_ x: Double) -> Double { x / 2 * erfc(-x / 2.0.squareRoot()) }

  package static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  package static func gelu(_ x: Double) -> Double {
    // The limits first: far out the cube overflows even fp64.
    if abs(x) > 1e3 { return max(x, 0) }
    return 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  package static func silu(_ x: Double) -> Double { x * sigmoid(x) }

  /// silu(gate) · up of rows [gate | up].
  package static func swiGLU(_ x: [Double], columns: Int) -> [Double] {
    (0..<x.count / 2).map { index in
      let gate = index / columns * 2 * columns + index % columns
      return silu(x[gate]) * x[gate + columns]
    }
  }

  /// Rotates `heads` neighbouring heads of each row.
  /// - Parameter frequencies: angles per position, half a head's width of them.
  package static func rotate(
    _ x: [Double], stride: Int, heads: Int, positions: [Int32], frequencies: [Float], inverse: Bool = false
  ) -> [Double] {
    let half = frequencies.count
    var y = x
    for (row, position) in positions.enumerated() {
      for head in 0..<heads {
        for i in 0..<half {
          let low = row * stride + head * 2 * half + i
          // The angle is an fp32 product by definition, as in transformers.
          let angle = Double(Float(position) * frequencies[i]) * (inverse ? -1 : 1)
          y[low] = x[low] * cos(angle) - x[low + half] * sin(angle)
          y[low + half] = x[low + half] * cos(angle) + x[low] * sin(angle)
        }
      }
    }
    return y
  }

  /// Σ over rows with a target of log Σ exp z − z[target].
  package static func crossEntropy(_ logits: [Double], vocabulary: Int, targets: [Int32]) -> Double {
    var loss = 0.0
    for (row, target) in targets.enumerated() where target >= 0 {
      let z = logits[row * vocabulary..<(row + 1) * vocabulary]
      let peak = z.max() ?? 0
      let sum = z.reduce(0) { $0 + exp($1 - peak) }
      loss += peak + log(sum) - logits[row * vocabulary + Int(target)]
    }
    return loss
  }
}

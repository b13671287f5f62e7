// The regularisation of AdaLoRA (Zhang et al. 2023), as PEFT computes it, so that A and B stay near singular vectors:
//
//   λ / n · (Σ ‖A Aᵀ − I‖ + Σ ‖Bᵀ B − I‖)  over all n matrices, with Frobenius norms
//
// With M = A Aᵀ − I its gradient is 2 λ / n · M A / ‖M‖, and 2 λ / n · B M / ‖M‖ for B; 0 where the norm is.
import Kernels
import Tensors

package final class OrthogonalPenalty: WeightPenalty {
  private struct Matrix {
    let parameter: Int
    let isA: Bool
    let rank: Int
    let width: Int
    /// Where its M begins.
    let place: Int
  }

  private let weight: Double
  private let matrices: [Matrix]
  /// The places in `matrices`, by parameter.
  private let numbers: [Int: Int]
  /// M of every matrix, with its factor of the gradient; and the gradient that was asked for last.
  private let products: FlatMemory
  private let room: FlatMemory
  private var last: Int?

  /// - Parameter weight: λ.
  package init(_ layout: ParameterLayout, weight: Double, ledger: MemoryLedger? = nil) {
    self.weight = weight
    let terms = SingularTerm.all(in: layout)
    var end = 0
    matrices = layout.parameters.indices.compactMap { parameter in
      guard let term = terms.parts[parameter], term.part != .values else { return nil }
      defer { end += (term.rank * term.rank + 15) / 16 * 16 }
      return Matrix(
        parameter: parameter, isA: term.part == .a, rank: term.rank, width: term.width, place: end)
    }
    numbers = Dictionary(uniqueKeysWithValues: matrices.enumerated().map { ($1.parameter, $0) })
    products = FlatMemory(count: end, label: "regularisation", ledger: ledger)
    room = FlatMemory(
      count: matrices.map { $0.rank * $0.width }.max() ?? 0, label: "regularisation", ledger: ledger)
  }

  private func numbers(of matrix: Matrix, _ weights: WeightLine) -> ConstMatrix {
    let base = UnsafePointer(weights.floats + weights.layout.parameters[matrix.parameter].range.lowerBound)
    return matrix.isA
      ? ConstMatrix(base, rows: matrix.rank, columns: matrix.width)
      : ConstMatrix(base, rows: matrix.width, columns: matrix.rank)
  }

  package func take(_ weights: WeightLine, _ engine: Engine) -> Double {
    last = nil
    var total = 0.0
    for matrix in matrices {
      let x = numbers(of: matrix, weights)
      let m = products.base + matrix.place
      engine.multiply(
        x, x, matrix.isA ? .second : .first, into: MutableMatrix(m, rows: matrix.rank, columns: matrix.rank))
      let count = matrix.rank * matrix.rank
      for index in 0..<matrix.rank { m[index * matrix.rank + index] -= 1 }
      let norm = sumOfSquares(m, count: count).squareRoot()
      total += norm
      let factor = norm == 0 ? 0 : Float(2 * weight / (Double(matrices.count) * norm))
      for index in 0..<count { m[index] *= factor }
    }
    return matrices.isEmpty ? 0 : weight * total / Double(matrices.count)
  }

  package func gradient(of parameter: Int, _ weights: WeightLine, _ engine: Engine) -> UnsafePointer<Float>? {
    guard let number = numbers[parameter] else { return nil }
    if last == number { return UnsafePointer(room.base) }
    last = number
    let matrix = matrices[number]
    let x = numbers(of: matrix, weights)
    let m = ConstMatrix(
      UnsafePointer(products.base + matrix.place), rows: matrix.rank, columns: matrix.rank)
    let gradient = MutableMatrix(room.base, rows: x.rows, columns: x.columns)
    if matrix.isA { engine.multiply(m, x, into: gradient) } else { engine.multiply(x, m, into: gradient) }
    return UnsafePointer(room.base)
  }
}

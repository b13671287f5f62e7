// Rounding of a matrix to few bits so that what it computes changes least (GPTQ, Frantar et al. 2022): columns are rounded
// one after the other, and the error of each is made up for in those behind it, by the inputs that the matrix reads.
//
// As in the authors' program: H = Σ x xᵀ with 1 % of the mean of its diagonal added, U the upper triangle with H⁻¹ = Uᵀ U;
// e = (w − q) / U[i, i] and w[j] ← w[j] − e U[i, j] for all j behind i. The levels of a block are found when the first of
// its columns comes, from what they are then.
import Kernels
import Tensors

struct GPTQ {
  /// U, [n, n], whose lower part is 0.
  private let upper: FlatMemory
  private let size: Int
  /// Inputs that are always 0: their weights do not matter.
  private let dead: [Bool]
  private let engine: Engine
  private static let damping = 0.01

  /// - Parameter inputs: Σ x xᵀ, [size, size].
  /// - Returns: nil where the inputs are not finite, or all of them are 0.
  init?(_ inputs: FlatMemory, size: Int, _ engine: Engine) {
    (self.size, self.engine) = (size, engine)
    let diagonal = (0..<size).map { Double(inputs.base[$0 * size + $0]) }
    guard diagonal.allSatisfy({ $0.isFinite && $0 >= 0 }), diagonal.contains(where: { $0 > 0 }) else {
      return nil
    }
    dead = diagonal.map { $0 == 0 }
    // Dead inputs count as 1 in the mean, as in the authors' program.
    let added = Self.damping * diagonal.reduce(0) { $0 + ($1 == 0 ? 1 : $1) } / Double(size)
    // H from its last row to its first: its lower triangle is then U's inverse from behind.
    let lower = UnsafeMutablePointer<Double>.allocate(capacity: size * size)
    defer { lower.deallocate() }
    for row in 0..<size {
      for column in 0..<size {
        let (i, j) = (size - 1 - row, size - 1 - column)
        var value = Double(inputs.base[i * size + j])
        if i == j { value = (dead[i] ? 1 : value) + added }
        lower[row * size + column] = value
      }
    }
    guard Self.decompose(lower, size, engine) else { return nil }
    let inverse = Self.inverted(lower, size, engine)
    defer { inverse.deallocate() }
    upper = FlatMemory(count: size * size, label: "rounding")
    for row in 0..<size {
      for column in row..<size {
        upper.base[row * size + column] = Float(inverse[(size - 1 - row) * size + size - 1 - column])
      }
    }
  }

  /// L of A = L Lᵀ, in the place of A's lower triangle.
  private static func decompose(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ engine: Engine) -> Bool {
    for column in 0..<n {
      let own = a + column * n
      let pivot = own[column] - dot(own, own, column)
      guard pivot > 0, pivot.isFinite else { return false }
      let root = pivot.squareRoot()
      own[column] = root
      let left = n - column - 1
      engine.pool.run((left + 63) / 64) { tile, _ in
        for row in column + 1 + tile * 64..<min(column + 1 + (tile + 1) * 64, n) {
          let other = a + row * n
          other[column] = (other[column] - dot(other, own, column)) / root
        }
      }
    }
    return true
  }

  private static func dot(_ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int) -> Double {
    var sums = SIMD8<Double>()
    let whole = count / 8 * 8
    for index in stride(from: 0, to: whole, by: 8) {
      sums +=
        UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Double>.self)
        * UnsafeRawPointer(y + index).loadUnaligned(as: SIMD8<Double>.self)
    }
    var sum = sums.sum()
    for index in whole..<count { sum += x[index] * y[index] }
    return sum
  }

  /// L⁻¹, [n, n], whose upper part is 0. Each worker computes some columns.
  private static func inverted(
    _ l: UnsafePointer<Double>, _ n: Int, _ engine: Engine
  ) -> UnsafeMutablePointer<Double> {
    let inverse = UnsafeMutablePointer<Double>.allocate(capacity: n * n)
    inverse.initialize(repeating: 0, count: n * n)
    let width = 64
    engine.pool.run((n + width - 1) / width) { tile, _ in
      let columns = tile * width..<min((tile + 1) * width, n)
      for row in columns.lowerBound..<n {
        let target = inverse + row * n
        if columns.contains(row) { target[row] = 1 }
        for earlier in columns.lowerBound..<row {
          let factor = l[row * n + earlier]
          guard factor != 0 else { continue }
          let source = inverse + earlier * n
          for column in columns { target[column] -= factor * source[column] }
        }
        let scale = 1 / l[row * n + row]
        for column in columns { target[column] *= scale }
      }
    }
    return inverse
  }

  /// A matrix of numbers that a grid has, and the levels of its blocks, [rows, size / block].
  /// - Parameter matrix: [rows, size]; rows hold whole blocks.
  func rounded<Grid: RoundingGrid>(
    _ matrix: [Float], rows: Int, on grid: Grid
  ) -> (values: [Float], levels: [Grid.Levels]) {
    grid.blockwise(matrix, rows: rows, columns: size, engine) { w, levels in
      for column in 0..<size where dead[column] { w[column] = 0 }
      for column in 0..<size {
        let place = column % grid.block
        if place == 0 { (levels + column / grid.block).initialize(to: grid.levels(of: w + column)) }
        let value = grid.value(w[column], at: place, levels[column / grid.block])
        let error = (w[column] - value) / upper.base[column * size + column]
        w[column] = value
        guard error != 0 else { continue }
        let line = upper.base + column * size
        for later in column + 1..<size { w[later] -= error * line[later] }
      }
    }
  }

  /// Σ |(W − Q) x|² over the inputs that were seen.
  static func error(
    of rounded: [Float], from matrix: [Float], rows: Int, _ inputs: FlatMemory, size: Int, _ engine: Engine
  ) -> Double {
    let (gap, product) = (
      FlatMemory(count: rows * size, label: "rounding"), FlatMemory(count: rows * size, label: "rounding")
    )
    for index in 0..<rows * size { gap.base[index] = matrix[index] - rounded[index] }
    let gaps = ConstMatrix(gap.base, rows: rows, columns: size)
    engine.multiply(
      gaps, ConstMatrix(inputs.base, rows: size, columns: size),
      into: MutableMatrix(product.base, rows: rows, columns: size))
    return (0..<rows * size).reduce(0.0) { $0 + Double(gap.base[$1]) * Double(product.base[$1]) }
  }
}

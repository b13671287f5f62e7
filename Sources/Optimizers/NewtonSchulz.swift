// The nearest orthogonal matrix, about: five steps of a Newton–Schulz iteration whose polynomial pushes all singular
// values to between 0.7 and 1.2 (Jordan et al. 2024), with the coefficients of torch.optim.Muon:
//
//   X ← X / max(‖X‖, ε),   X ← a X + (b A + c A²) X,   A = X Xᵀ
//
// A tall matrix is multiplied from the right, so that A is the smaller of the two products. torch computes in bfloat16;
// here everything is fp32.
import Kernels
import Tensors

package struct NewtonSchulz: Sendable {
  package var coefficients: (a: Float, b: Float, c: Float) = (3.4445, -4.7750, 2.0315)
  package var steps: Int
  package var epsilon: Double

  package init(steps: Int = 5, epsilon: Double = 1e-7) {
    self.steps = steps
    self.epsilon = epsilon
  }

  /// The numbers of memory that a matrix takes beside its own.
  package static func room(rows: Int, columns: Int) -> Int {
    rows * columns + 2 * min(rows, columns) * min(rows, columns)
  }

  /// Replaces a matrix [rows, columns] in its place. Its bits do not depend on the number of threads.
  package func orthogonalise(
    _ matrix: UnsafeMutablePointer<Float>, rows: Int, columns: Int, _ engine: Engine
  ) {
    let count = rows * columns
    let side = min(rows, columns)
    let isTall = rows > columns
    let room = FlatMemory(count: Self.room(rows: rows, columns: columns), label: "orthogonal update")
    let other = room.base
    let gram = MutableMatrix(other + count, rows: side, columns: side)
    let square = MutableMatrix(gram.base + side * side, rows: side, columns: side)
    scale(matrix, count: count, by: Float(1 / max(norm(matrix, count: count, engine), epsilon)), engine)
    var (now, next) = (matrix, other)
    for _ in 0..<steps {
      let x = ConstMatrix(now, rows: rows, columns: columns)
      engine.multiply(x, x, isTall ? .first : .second, into: gram)
      let a = ConstMatrix(gram.base, rows: side, columns: side)
      engine.multiply(a, a, into: square)
      blend(square.base, coefficients.c, gram.base, coefficients.b, count: side * side, engine)
      let p = ConstMatrix(square.base, rows: side, columns: side)
      let y = MutableMatrix(next, rows: rows, columns: columns)
      if isTall { engine.multiply(x, p, into: y) } else { engine.multiply(p, x, into: y) }
      blend(next, 1, now, coefficients.a, count: count, engine)
      swap(&now, &next)
    }
    if now != matrix { matrix.update(from: now, count: count) }
  }

  /// In fp64, in the order of the numbers.
  private func norm(_ x: UnsafePointer<Float>, count: Int, _ engine: Engine) -> Double {
    let grain = 1 << 16
    var sums = [Double](repeating: 0, count: (count + grain - 1) / grain)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      engine.pool.run(sums.count) { tile, _ in
        var sum = SquareSum()
        forEachVector(in: tile * grain..<min((tile + 1) * grain, count)) { sum.add($0.load(x)) }
        base[tile] = sum.total
      }
    }
    return sums.reduce(0, +).squareRoot()
  }

  private func scale(_ x: UnsafeMutablePointer<Float>, count: Int, by factor: Float, _ engine: Engine) {
    engine.forEachStretch(count) { range in
      forEachVector(in: range) { $0.store($0.load(x) * factor, x) }
    }
  }

  /// x ← f x + g y.
  private func blend(
    _ x: UnsafeMutablePointer<Float>, _ f: Float, _ y: UnsafePointer<Float>, _ g: Float, count: Int,
    _ engine: Engine
  ) {
    let g = Vector(repeating: g)
    engine.forEachStretch(count) { range in
      forEachVector(in: range) { $0.store(($0.load(x) * f).addingProduct($0.load(y), g), x) }
    }
  }
}

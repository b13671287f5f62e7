// What operations do to one tile on the thread that made it.
import Tensors

extension Matrix where Pointer == UnsafeMutablePointer<Float> {
  /// Some rows and columns of it.
  @inline(__always)
  package func part(_ rows: Range<Int>, _ columns: Range<Int>) -> MutableMatrix {
    MutableMatrix(
      base + rows.lowerBound * stride + columns.lowerBound, rows: rows.count, columns: columns.count,
      stride: stride)
  }
}

extension Engine {
  /// C += A op(B) on the calling thread alone.
  package func addProductHere(
    _ a: ConstMatrix, _ b: ConstMatrix, _ transposition: Transposition, into c: MutableMatrix
  ) {
    if !multipliesByRow, isThin(transposition, m: c.rows, n: c.columns, k: a.columns) {
      return thinProduct(
        transposition, m: c.rows, n: c.columns, k: a.columns, a.base, a.stride, b.base, b.stride,
        adding: true, c.base, c.stride)
    }
    product(
      transposition, m: c.rows, n: c.columns, k: a.columns, a.base, a.stride, b.base, b.stride, beta: 1,
      c.base, c.stride)
  }

  /// C = factor · C on the calling thread alone.
  package func scaleHere(_ c: MutableMatrix, by factor: Float) {
    for row in 0..<c.rows {
      let cN = c.base + row * c.stride
      forEachVector(c.columns) { $0.store($0.load(cN) * factor, cN) }
    }
  }
}

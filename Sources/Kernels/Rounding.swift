// Activations rounded to bfloat16 before they are multiplied.
import Tensors

extension Engine {
  /// y [rows, columns] = x, rounded to the nearest; rows of y lie side by side.
  package func narrow(_ x: ConstMatrix, into y: UnsafeMutablePointer<BFloat16>) {
    pool.run((x.rows + 15) / 16) { tile, _ in
      for row in tile * 16..<min((tile + 1) * 16, x.rows) {
        BFloat16.narrow(x.base + row * x.stride, count: x.columns, into: y + row * x.columns)
      }
    }
  }

  /// y = x, rounded to the nearest.
  package func narrow(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<BFloat16>) {
    forEachStretch(count) { BFloat16.narrow(x + $0.lowerBound, count: $0.count, into: y + $0.lowerBound) }
  }
}

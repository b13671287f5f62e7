// Columns times factors of their own, and the gradient of such factors.
import Tensors

extension Engine {
  /// y = f ∘ x + bias or y += f ∘ x + bias, for a tile, on the calling thread.
  /// - Parameters:
  ///   - factors, bias: of the tile's columns.
  package func scaleColumnsHere(
    _ x: MutableMatrix, by factors: UnsafePointer<Float>, bias: UnsafePointer<Float>?, into y: MutableMatrix,
    adding: Bool
  ) {
    for row in 0..<x.rows {
      let (xC, yC) = (x.base + row * x.stride, y.base + row * y.stride)
      forEachVector(x.columns) {
        var value = $0.load(xC) * $0.load(factors)
        if let bias { value += $0.load(bias) }
        $0.store(value, yC, adding: adding)
      }
    }
  }

  /// y = (f − shift) ∘ x, with y side by side.
  package func scaleColumns(
    _ x: ConstMatrix, by factors: UnsafePointer<Float>, minus shift: Float = 0,
    into y: UnsafeMutablePointer<Float>
  ) {
    pool.run((x.rows + 15) / 16) { tile, _ in
      for row in tile * 16..<min((tile + 1) * 16, x.rows) {
        let (xC, yC) = (x.base + row * x.stride, y + row * x.columns)
        forEachVector(x.columns) { $0.store($0.load(xC) * ($0.load(factors) - shift), yC) }
      }
    }
  }

  /// y = f ∘ x, or y += that; x itself without factors.
  package func multiplyColumns(
    _ x: ConstMatrix, by factors: UnsafePointer<Float>?, into y: MutableMatrix, adding: Bool
  ) {
    pool.run((x.rows + 15) / 16) { tile, _ in
      let rows = tile * 16..<min((tile + 1) * 16, x.rows)
      multiplyColumnsHere(
        ConstMatrix(
          x.base + rows.lowerBound * x.stride, rows: rows.count, columns: x.columns, stride: x.stride),
        by: factors, into: y.part(rows, 0..<y.columns), adding: adding)
    }
  }

  /// The same for a tile, on the calling thread.
  package func multiplyColumnsHere(
    _ x: ConstMatrix, by factors: UnsafePointer<Float>?, into y: MutableMatrix, adding: Bool
  ) {
    for row in 0..<x.rows {
      let (xC, yC) = (x.base + row * x.stride, y.base + row * y.stride)
      if let factors {
        forEachVector(x.columns) { $0.store($0.load(xC) * $0.load(factors), yC, adding: adding) }
      } else {
        forEachVector(x.columns) { $0.store($0.load(xC), yC, adding: adding) }
      }
    }
  }

  /// d = f ∘ Σ_rows x ∘ y, or d += that, with rows in order.
  /// - Parameters:
  ///   - y: [rows, columns].
  ///   - stride: from row to row of y; nil if they lie side by side.
  ///   - factors: nil for ones.
  package func columnDots(
    _ x: ConstMatrix, _ y: UnsafePointer<Float>, stride: Int? = nil,
    times factors: UnsafePointer<Float>? = nil, into d: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    let stride = stride ?? x.columns
    pool.run((x.columns + 63) / 64) { tile, _ in
      forEachVector(in: tile * 64..<min((tile + 1) * 64, x.columns)) { lanes in
        var sum = Vector()
        for row in 0..<x.rows {
          sum.addProduct(lanes.load(x.base + row * x.stride), lanes.load(y + row * stride))
        }
        lanes.store(factors.map { sum * lanes.load($0) } ?? sum, d, adding: adding)
      }
    }
  }

  /// y = x − y.
  package func subtract(
    _ x: UnsafePointer<Float>, count: Int, minusHere y: UnsafeMutablePointer<Float>
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) { $0.store($0.load(x) - $0.load(y), y) }
    }
  }
}

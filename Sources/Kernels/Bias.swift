// y += b on every row, and its gradient db = Σ_rows dy.

extension Engine {
  /// Adds `bias` [columns] to each row of `y`, on the calling thread.
  package func addBiasHere(_ bias: UnsafePointer<Float>, to y: MutableMatrix) {
    for row in 0..<y.rows {
      let yC = y.base + row * y.stride
      forEachVector(y.columns) { $0.store($0.load(yC) + $0.load(bias), yC) }
    }
  }

  /// Sums the rows of `dy` [rows, columns] in order, into or onto `dBias` [columns].
  package func sumRows(
    _ dy: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int, into dBias: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    pool.run((columns + 63) / 64) { tile, _ in
      forEachVector(in: tile * 64..<min((tile + 1) * 64, columns)) { lanes in
        var sum = Vector()
        for row in 0..<rows { sum += lanes.load(dy + row * stride) }
        lanes.store(sum, dBias, adding: adding)
      }
    }
  }
}

// RMS norm and layer norm over the columns of [rows, C].
//
// RMS norm:   y = x · r · g              r = 1 / √(mean(x²) + ε)            (Zhang & Sennrich 2019)
// Layer norm: y = (x − μ) · r · g + b    r = 1 / √(mean((x − μ)²) + ε)      (Ba et al. 2016)
//
// Backward with x̂ = (x − μ) · r (μ = 0 for RMS norm) and h = dy · g:
//   dx = r · (h − x̂ · mean(h · x̂) − mean(h))      (the last mean only for layer norm)
//   dg = Σ_rows dy · x̂,   db = Σ_rows dy
// Where the family stores g − 1 (Gemma), g is the stored gain plus 1.
// Statistics are summed in fp32 lanes, sixteen partial sums a row.

/// How many rows a worker takes at a time, and how many columns a worker sums at a time. They are fixed, so the sums
/// are too.
private let rowTile = 16
private let columnTile = 64

extension Engine {
  /// - Parameters:
  ///   - x: [rows, columns]; y the same.
  ///   - plus: what is added to the gain.
  ///   - bias: [columns], or nil for none.
  ///   - centred: true for layer norm, false for RMS norm.
  ///   - statistics: [rows, 2], receives the mean and the inverse deviation of each row.
  package func norm(
    x: UnsafePointer<Float>, gain: UnsafePointer<Float>, plus: Float = 0, bias: UnsafePointer<Float>?,
    centred: Bool, epsilon: Float, rows: Int, columns: Int, y: UnsafeMutablePointer<Float>,
    statistics: UnsafeMutablePointer<Float>
  ) {
    pool.run((rows + rowTile - 1) / rowTile) { tile, _ in
      for row in tile * rowTile..<min((tile + 1) * rowTile, rows) {
        let xC = x + row * columns
        let yC = y + row * columns
        var sum = Vector()
        if centred { forEachVector(columns) { sum += $0.load(xC) } }
        let mean = sum.total / Float(columns)
        var squares = Vector()
        forEachVector(columns) {
          let centredX = $0.load(xC, fill: mean) - mean
          squares = squares.adding(centredX, times: centredX)
        }
        let inverse = 1 / (squares.total / Float(columns) + epsilon).squareRoot()
        statistics[2 * row] = mean
        statistics[2 * row + 1] = inverse
        if let bias {
          forEachVector(columns) {
            $0.store($0.load(bias).adding(($0.load(xC) - mean) * inverse, times: $0.load(gain) + plus), yC)
          }
        } else {
          forEachVector(columns) { $0.store(($0.load(xC) - mean) * inverse * ($0.load(gain) + plus), yC) }
        }
      }
    }
  }

  /// The gradient of the input: [rows, columns], added to what is there if `adding`.
  package func normBackwardInput(
    x: UnsafePointer<Float>, gain: UnsafePointer<Float>, plus: Float = 0, statistics: UnsafePointer<Float>,
    centred: Bool, dy: UnsafePointer<Float>, rows: Int, columns: Int, dx: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    pool.run((rows + rowTile - 1) / rowTile) { tile, _ in
      for row in tile * rowTile..<min((tile + 1) * rowTile, rows) {
        let xC = x + row * columns
        let dyC = dy + row * columns
        let dxC = dx + row * columns
        let mean = statistics[2 * row]
        let inverse = statistics[2 * row + 1]
        var sum = Vector()
        var along = Vector()
        forEachVector(columns) {
          let h = $0.load(dyC) * ($0.load(gain) + plus)
          sum += h
          along = along.adding(h, times: ($0.load(xC) - mean) * inverse)
        }
        let meanH = centred ? sum.total / Float(columns) : 0
        let meanAlong = along.total / Float(columns)
        forEachVector(columns) {
          let h = $0.load(dyC) * ($0.load(gain) + plus)
          let xHat = ($0.load(xC) - mean) * inverse
          $0.store((h - xHat * meanAlong - meanH) * inverse, dxC, adding: adding)
        }
      }
    }
  }

  /// Gradients of gain and bias: [columns], summed over rows in order.
  package func normBackwardParameters(
    x: UnsafePointer<Float>, statistics: UnsafePointer<Float>, dy: UnsafePointer<Float>, rows: Int,
    columns: Int, dGain: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>?, adding: Bool
  ) {
    pool.run((columns + columnTile - 1) / columnTile) { tile, _ in
      let range = tile * columnTile..<min((tile + 1) * columnTile, columns)
      forEachVector(in: range) { lanes in
        var gainSum = Vector()
        var biasSum = Vector()
        for row in 0..<rows {
          let dyV = lanes.load(dy + row * columns)
          let xHat = (lanes.load(x + row * columns) - statistics[2 * row]) * statistics[2 * row + 1]
          gainSum = gainSum.adding(dyV, times: xHat)
          biasSum += dyV
        }
        if let dGain { lanes.store(gainSum, dGain, adding: adding) }
        if let dBias { lanes.store(biasSum, dBias, adding: adding) }
      }
    }
  }
}

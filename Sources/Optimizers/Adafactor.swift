// Adafactor (Shazeer & Stern 2018), as torch.optim.Adafactor computes it:
//
//   α = max(ε2, RMS(w)) · min(η, 1/√t),   β = 1 − t^τ,   w ← w · (1 − η λ)
//   matrices:  r ← β r + (1 − β) mean over columns of g²,   c likewise over rows,   v = r cᵀ / max(mean(r), ε1)
//   others:    v ← β v + (1 − β) g²
//   u = g / max(√v, ε1),   w ← w − α u / max(1, RMS(u) / d)
//
// Means run over whole matrices, of which ranks own arbitrary slices. Squares of rows and columns are summed as
// integers (`FactoredSquares`), so that their order does not matter. The squares for the two RMS values are summed in
// fp64 over each grain, then over grains in the order of the line.
import Foundation
import Kernels
import Tensors

package struct Adafactor: UpdateRule {
  /// τ, at most 0.
  package var beta2Decay: Double
  package var epsilon1: Double
  package var epsilon2: Double
  /// d, the largest RMS of an update before it is scaled.
  package var clipThreshold: Double
  package var weightDecay: Double

  /// - Parameter epsilon1: by default the distance from 1 to the next fp32 number.
  package init(
    beta2Decay: Double = -0.8, epsilon1: Double = 0x1p-23, epsilon2: Double = 1e-3, clipThreshold: Double = 1,
    weightDecay: Double = 0
  ) {
    self.beta2Decay = beta2Decay
    self.epsilon1 = epsilon1
    self.epsilon2 = epsilon2
    self.clipThreshold = clipThreshold
    self.weightDecay = weightDecay
  }

  package var states: [OptimizerState] {
    [
      OptimizerState("row_moment", of: .rows) { $0.isMatrix },
      OptimizerState("column_moment", of: .columns) { $0.isMatrix },
      OptimizerState("second_moment") { !$0.isMatrix },
    ]
  }

  package func obstacle(in layout: ParameterLayout) -> String? {
    let long = layout.parameters.map(\.spec).first {
      $0.trains && $0.isMatrix && $0.shape.contains { $0 > FactoredSquares.longest }
    }
    return long.map {
      "adafactor sums over at most \(FactoredSquares.longest) rows or columns, and \($0.name) has more"
    }
  }

  package func update(
    _ held: [UpdateStretch], step: Int, learningRate: Double, gradientScale: Float, gradientNorm: Double,
    sums: any ParameterSums, engine: Engine, finished: (Int) -> Void
  ) {
    let take = pow(Double(step), beta2Decay)
    var squares = FactoredSquares(sums.layout, norm: gradientNorm * Double(gradientScale))
    for stretch in held where stretch.isMatrix {
      squares.add(stretch, gradientScale: gradientScale, engine: engine)
    }
    squares.complete(sums)
    let means = updateFactors(held, squares, take: take)
    for stretch in held where !stretch.isMatrix {
      updateSecondMoment(stretch, take: Float(take), gradientScale: gradientScale, engine)
    }
    let rules = held.map {
      Direction(
        of: $0, gradientScale: gradientScale, mean: Float(max(means[$0.parameter] ?? 1, epsilon1)),
        smallest: Float(epsilon1))
    }
    let weightSquares = sums.total(
      ofGrains: grainSums(held, engine) { stretch, range in
        var sum = SquareSum()
        forEachVector(in: range) { sum.add($0.load(held[stretch].weights)) }
        return sum.total
      })
    let directionSquares = sums.total(
      ofGrains: grainSums(held, engine) { stretch, range in
        var sum = SquareSum()
        rules[stretch].forEach(in: range) { _, _, u in sum.add(u) }
        return sum.total
      })

    for (index, (stretch, direction)) in zip(held, rules).enumerated() {
      let learningRate = learningRate * stretch.rateFactor
      let largest = min(learningRate, 1 / Double(step).squareRoot())
      let count = Double(stretch.shape.reduce(1, *))
      func rootMean(_ squares: [Double]) -> Double { (squares[stretch.parameter] / count).squareRoot() }
      let alpha = max(epsilon2, rootMean(weightSquares)) * largest
      let rate = Vector(repeating: -Float(alpha / max(1, rootMean(directionSquares) / clipThreshold)))
      let shrink = Float(1 - learningRate * stretch.decay(weightDecay))
      engine.forEachStretch(stretch.count) { range in
        direction.forEach(in: range) { lanes, offset, u in
          let w = stretch.weights + offset
          lanes.store((lanes.load(w) * shrink).addingProduct(u, rate), w)
        }
      }
      finished(index)
    }
  }

  /// Updates the moments of rows and columns of every matrix of which this rank holds a part. All ranks that do so
  /// get the same bits.
  /// - Returns: mean(r) for each parameter.
  private func updateFactors(
    _ held: [UpdateStretch], _ squares: FactoredSquares, take: Double
  ) -> [Int: Double] {
    var means: [Int: Double] = [:]
    for stretch in held where stretch.isMatrix && means[stretch.parameter] == nil {
      let (rows, columns) = (stretch.shape[0], stretch.shape[1])
      let (r, c) = (stretch.floats(0), stretch.floats(1))
      func blend(_ old: Float, _ index: Int, count: Int) -> Float {
        let mean = squares.sum(stretch.parameter, index) / Double(count)
        return Float(Double(old) + take * (mean - Double(old)))
      }
      for row in 0..<rows { r[row] = blend(r[row], row, count: columns) }
      for column in 0..<columns { c[column] = blend(c[column], rows + column, count: rows) }
      means[stretch.parameter] = (0..<rows).reduce(0.0) { $0 + Double(r[$1]) } / Double(rows)
    }
    return means
  }

  private func updateSecondMoment(
    _ stretch: UpdateStretch, take: Float, gradientScale: Float, _ engine: Engine
  ) {
    let v = stretch.floats(2)
    let take = Vector(repeating: take)
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let g = $0.load(stretch.gradients) * gradientScale
        let old = $0.load(v)
        $0.store(old.addingProduct(g * g - old, take), v)
      }
    }
  }
}

extension UpdateStretch {
  fileprivate var isMatrix: Bool { shape.count == 2 }
}

/// u of a range: its gradients divided by the roots of their second moments.
private struct Direction {
  private let gradients: UnsafePointer<Float>
  private let gradientScale: Float
  /// For a matrix, r and c from their first element; otherwise v of the range's first number.
  private let rows: UnsafeMutablePointer<Float>?
  private let moments: UnsafeMutablePointer<Float>
  private let columns: Int
  private let start: Int
  private let mean: Float
  private let smallest: Vector

  init(of stretch: UpdateStretch, gradientScale: Float, mean: Float, smallest: Float) {
    gradients = stretch.gradients
    self.gradientScale = gradientScale
    rows = stretch.isMatrix ? stretch.floats(0) : nil
    moments = stretch.floats(stretch.isMatrix ? 1 : 2)
    columns = stretch.isMatrix ? stretch.shape[1] : 0
    start = stretch.start
    self.mean = mean
    self.smallest = Vector(repeating: smallest)
  }

  /// Walks a part of the range, one row of the matrix at a time; lanes count from `offset`.
  @inline(__always)
  func forEach(in range: Range<Int>, _ body: (_ lanes: Lanes, _ offset: Int, _ u: Vector) -> Void) {
    guard let rows else {
      forEachVector(range.count) { lanes in
        let v = lanes.load(moments + range.lowerBound)
        body(lanes, range.lowerBound, direction(lanes, range.lowerBound, v))
      }
      return
    }
    var begin = range.lowerBound
    while begin < range.upperBound {
      let (row, column) = (start + begin).quotientAndRemainder(dividingBy: columns)
      let count = min(columns - column, range.upperBound - begin)
      let r = rows[row] / mean
      forEachVector(count) { lanes in
        body(lanes, begin, direction(lanes, begin, lanes.load(moments + column) * r))
      }
      begin += count
    }
  }

  @inline(__always) private func direction(_ lanes: Lanes, _ offset: Int, _ v: Vector) -> Vector {
    lanes.load(gradients + offset) * gradientScale / v.squareRoot().maximum(smallest)
  }
}

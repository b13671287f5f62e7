// y = tanh(x) = 2 σ(2x) − 1, dx = (1 − y²) dy: the activation of poolers.

/// tanh of each lane.
@inline(__always) func hyperbolicTangent(_ x: Vector) -> Vector {
  // Near 0 the difference would lose its digits; there a series of four terms is exact.
  let square = x * x
  var p = Vector(repeating: -17.0 / 315)
  p = Vector(repeating: 2.0 / 15).addingProduct(p, square)
  p = Vector(repeating: -1.0 / 3).addingProduct(p, square)
  let series = x.addingProduct(p * square, x)
  let sigmoids = 2 * sigmoid(x + x) - 1
  return sigmoids.replacing(with: series, where: square .< 0.0225)
}

extension Engine {
  /// `count` elements.
  package func tanh(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachStretch(count) { range in
      forEachVector(in: range) {
        $0.store(hyperbolicTangent($0.load(x)), y)
      }
    }
  }

  /// dx = (1 − y²) dy, or dx += …
  package func tanhBackward(
    _ y: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, dx: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) {
        let yV = $0.load(y)
        $0.store((1 - yV) * (1 + yV) * $0.load(dy), dx, adding: adding)
      }
    }
  }
}

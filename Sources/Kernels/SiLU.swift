// SiLU, also called swish: y = x σ(x), dx = dy (σ + x σ (1 − σ)) (Elfwing et al. 2018).

extension Engine {
  /// `count` elements on the calling thread.
  package func siluHere(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachVector(count) {
      let xV = $0.load(x)
      $0.store(xV * sigmoid(xV), y)
    }
  }

  /// The same on all threads.
  package func silu(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachStretch(count) { siluHere(x + $0.lowerBound, count: $0.count, into: y + $0.lowerBound) }
  }

  /// dx = silu'(x) · dy, or dx += …
  package func siluBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, dx: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) {
        let xV = $0.load(x)
        let s = sigmoid(xV)
        $0.store($0.load(dy) * (s + xV * s * (1 - s)), dx, adding: adding)
      }
    }
  }
}

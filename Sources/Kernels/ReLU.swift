// The rectifier: y = max(x, 0), NaN where x is.

extension Engine {
  /// `count` elements on the calling thread.
  package func reluHere(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachVector(count) {
      let xV = $0.load(x)
      $0.store(xV.replacing(with: 0, where: xV .< 0), y)
    }
  }

  /// The same on all threads.
  package func relu(_ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>) {
    forEachStretch(count) { reluHere(x + $0.lowerBound, count: $0.count, into: y + $0.lowerBound) }
  }

  /// dx = dy where x > 0, or dx += …
  package func reluBackward(
    _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, dx: UnsafeMutablePointer<Float>,
    adding: Bool
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) {
        $0.store($0.load(dy).replacing(with: 0, where: $0.load(x) .<= 0), dx, adding: adding)
      }
    }
  }
}

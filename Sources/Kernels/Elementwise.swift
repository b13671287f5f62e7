// Sums and copies of whole activations, cut into ranges of fixed length for the pool.

private let stretch = 16384

extension Engine {
  @inline(__always)
  package func forEachStretch(_ count: Int, _ body: (Range<Int>) -> Void) {
    pool.run((count + stretch - 1) / stretch) { tile, _ in
      body(tile * stretch..<min((tile + 1) * stretch, count))
    }
  }

  /// y = a + b.
  package func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>
  ) {
    forEachStretch(count) {
      addHere(a + $0.lowerBound, b + $0.lowerBound, count: $0.count, into: y + $0.lowerBound)
    }
  }

  /// The same on the calling thread.
  package func addHere(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>
  ) {
    forEachVector(count) { $0.store($0.load(a) + $0.load(b), y) }
  }

  /// y = x, or y += x.
  package func copy(
    _ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>, adding: Bool = false
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) { $0.store($0.load(x), y, adding: adding) }
    }
  }

  /// y = factor · x, or y += factor · x.
  package func scale(
    _ x: UnsafePointer<Float>, count: Int, by factor: Float, into y: UnsafeMutablePointer<Float>,
    adding: Bool = false
  ) {
    forEachStretch(count) { range in
      forEachVector(in: range) { $0.store($0.load(x) * factor, y, adding: adding) }
    }
  }

  package func clear(_ y: UnsafeMutablePointer<Float>, count: Int) {
    forEachStretch(count) { range in (y + range.lowerBound).update(repeating: 0, count: range.count) }
  }
}

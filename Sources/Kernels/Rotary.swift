// Rotary position embedding (Su et al. 2021), in the half-split form of the Llama family in transformers:
// for i < R/2:  y[i] = x[i]·cos − x[i+R/2]·sin,  y[i+R/2] = x[i+R/2]·cos + x[i]·sin.
// R is the width of a head, or a part of it; the rest of the head stays. Backward is the rotation by the opposite angle.

extension Engine {
  /// Rotates the first `width` numbers of `heads` heads in place; rows lie `stride` apart, heads `headStride`.
  /// - Parameters:
  ///   - table: [positions, width], cosines of the R/2 angles, then their sines.
  ///   - positions: [rows].
  package func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, headStride: Int, width: Int, rows: Int, stride: Int,
    table: UnsafePointer<Float>, positions: UnsafePointer<Int32>, inverse: Bool
  ) {
    let half = width / 2
    let sign: Float = inverse ? -1 : 1
    pool.run((rows + 15) / 16) { tile, _ in
      for row in tile * 16..<min((tile + 1) * 16, rows) {
        let cosines = table + Int(positions[row]) * width
        let sines = cosines + half
        for head in 0..<heads {
          let low = x + row * stride + head * headStride
          let high = low + half
          forEachVector(half) {
            let a = $0.load(low)
            let b = $0.load(high)
            let cosine = $0.load(cosines)
            let sine = $0.load(sines) * sign
            $0.store(a * cosine - b * sine, low)
            $0.store(b * cosine + a * sine, high)
          }
        }
      }
    }
  }
}

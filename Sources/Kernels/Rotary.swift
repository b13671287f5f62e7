// Rotary position embedding (Su et al. 2021), in the half-split form of the Llama family in transformers:
// for i < D/2:  y[i] = x[i]·cos − x[i+D/2]·sin,  y[i+D/2] = x[i+D/2]·cos + x[i]·sin.
// Backward is the rotation by the opposite angle.

extension Engine {
  /// Rotates `heads` neighbouring heads of width `headWidth` in place, on rows that lie `stride` apart.
  /// - Parameters:
  ///   - table: [positions, headWidth], cosines of the D/2 angles, then their sines.
  ///   - positions: [rows].
  package func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, headWidth: Int, rows: Int, stride: Int,
    table: UnsafePointer<Float>, positions: UnsafePointer<Int32>, inverse: Bool
  ) {
    let half = headWidth / 2
    let sign: Float = inverse ? -1 : 1
    pool.run((rows + 15) / 16) { tile, _ in
      for row in tile * 16..<min((tile + 1) * 16, rows) {
        let cosines = table + Int(positions[row]) * headWidth
        let sines = cosines + half
        for head in 0..<heads {
          let low = x + row * stride + head * headWidth
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

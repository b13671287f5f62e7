// Noise on embeddings (NEFTune, Jain et al. 2023): y = x + m u, with u drawn between −1 and 1 by `SampleDraw`.
import Base

package struct EmbeddingNoise: Sendable {
  /// m.
  let magnitude: Float
  private let draw: SampleDraw

  /// - Parameters:
  ///   - magnitude: the largest that noise may be.
  ///   - site: the number of the operation in the model that draws.
  package init(magnitude: Float, seed: UInt64, step: Int, site: Int) {
    self.magnitude = magnitude
    draw = SampleDraw(seed: seed, step: step, site: site)
  }

  /// m u for 32 neighbouring elements.
  @inline(__always)
  fileprivate func values(block: Int, position: Int, sample: Int32) -> (Vector, Vector) {
    let (a, b) = draw.words(block: block, plane: 0, position: position, sample: sample)
    // Twenty-four bits, which floats hold exactly.
    func unit(_ words: SIMD16<UInt32>) -> Vector {
      let whole = SIMD16<Int32>(truncatingIfNeeded: words &>> 8)
      var unit = Vector()
      for lane in 0..<16 { unit[lane] = Float(whole[lane]) }
      return unit * Float(0x1p-23) - 1
    }
    return (unit(a) * magnitude, unit(b) * magnitude)
  }
}

extension Engine {
  /// y += noise on [samples · length, columns].
  /// - Parameter sampleIDs: [samples], the number in the step of each sequence's sample.
  package func addNoise(
    _ noise: EmbeddingNoise, sampleIDs: UnsafePointer<Int32>, length: Int, rows: Int, columns: Int,
    to y: UnsafeMutablePointer<Float>
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        let yC = y + row * columns
        for block in 0..<(columns + 31) / 32 {
          let (a, b) = noise.values(block: block, position: row % length, sample: sampleIDs[row / length])
          let start = block * 32
          Lanes(offset: start, count: min(16, columns - start)).store(a, yC, adding: true)
          if columns > start + 16 {
            Lanes(offset: start + 16, count: min(16, columns - start - 16)).store(b, yC, adding: true)
          }
        }
      }
    }
  }
}

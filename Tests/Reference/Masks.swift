// Dropout's factors one at a time, straight from the documented counters.
import Base

/// The dropout of one site in one step.
package struct DropoutReference {
  package var probability: Double
  package var seed: UInt64
  package var step: Int
  package var site: Int

  package init(probability: Double, seed: UInt64, step: Int, site: Int) {
    self.probability = probability
    self.seed = seed
    self.step = step
    self.site = site
  }

  /// 0 or 1/(1 − p). Blocks of 32 elements take eight counters: the first half of a block their words 0
  /// and 1, the second half words 2 and 3.
  package func factor(sample: Int32, position: Int, element: Int, plane: Int = 0) -> Double {
    let place = element % 32
    let counter = element / 32 * 8 + place % 16 / 2 + plane << 20
    let key0 = UInt32(truncatingIfNeeded: seed) ^ UInt32(truncatingIfNeeded: seed >> 32)
    let philox = Philox(seed: UInt64(UInt32(truncatingIfNeeded: step)) << 32 | UInt64(key0))
    let words = philox.words(
      SIMD4(
        UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: position),
        UInt32(bitPattern: sample), UInt32(truncatingIfNeeded: site)))
    let word = words[place / 16 * 2 + place % 2]
    return Double(word) < (probability * 0x1p32).rounded(.down) ? 0 : 1 / (1 - probability)
  }
}

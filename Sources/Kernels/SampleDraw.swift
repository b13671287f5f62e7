// Random words of one site in one step: Philox4x32-10 by (seed, step; sample, site, position, element). So the same
// sample gets the same words on every rank and thread, and backward draws them again instead of storing them.
import Base

struct SampleDraw: Sendable {
  private let philox: Philox
  private let site: UInt32

  /// - Parameter site: the number of the operation in the model that draws.
  init(seed: UInt64, step: Int, site: Int) {
    philox = Philox(
      key0: UInt32(truncatingIfNeeded: seed ^ seed >> 32), key1: UInt32(truncatingIfNeeded: step))
    self.site = UInt32(truncatingIfNeeded: site)
  }

  /// The words of 32 neighbouring elements: number 32·block and on.
  ///
  /// Eight counters at once; even elements take words 0 (or 2), odd ones words 1 (or 3).
  @inline(__always)
  func words(block: Int, plane: Int, position: Int, sample: Int32) -> (SIMD16<UInt32>, SIMD16<UInt32>) {
    typealias Wide = SIMD8<UInt64>
    let half = Wide(repeating: 32)
    let first = UInt64(block * 8) + UInt64(plane) << 20
    let (c0, c1, c2, c3) = philox.words(
      (
        Wide(repeating: first) &+ Wide(0, 1, 2, 3, 4, 5, 6, 7), Wide(repeating: UInt64(position)),
        Wide(repeating: UInt64(UInt32(bitPattern: sample))), Wide(repeating: UInt64(site))
      ))
    return (
      unsafeBitCast(c0 | (c1 &<< half), to: SIMD16<UInt32>.self),
      unsafeBitCast(c2 | (c3 &<< half), to: SIMD16<UInt32>.self)
    )
  }
}

// Random words of one site in one step: Philox4x32-10 by (seed, step; sample, site, position, element). So the same
// sample gets the same words on every rank and thread, and backward draws them again instead of storing them.
import Base

struct SampleDraw: Sendable {
  private let key0: UInt32
  private let key1: UInt32
  private let site: UInt32

  /// - Parameter site: the number of the operation in the model that draws.
  init(seed: UInt64, step: Int, site: Int) {
    key0 = UInt32(truncatingIfNeeded: seed ^ seed >> 32)
    key1 = UInt32(truncatingIfNeeded: step)
    self.site = UInt32(truncatingIfNeeded: site)
  }

  /// The words of 32 neighbouring elements: number 32·block and on.
  ///
  /// Eight counters at once; even elements take words 0 (or 2), odd ones words 1 (or 3).
  @inline(__always)
  func words(block: Int, plane: Int, position: Int, sample: Int32) -> (SIMD16<UInt32>, SIMD16<UInt32>) {
    typealias Wide = SIMD8<UInt64>
    let low = Wide(repeating: 0xFFFF_FFFF)
    let half = Wide(repeating: 32)
    let first = UInt64(block * 8) + UInt64(plane) << 20
    var c0 = Wide(repeating: first) &+ Wide(0, 1, 2, 3, 4, 5, 6, 7)
    var c1 = Wide(repeating: UInt64(position))
    var c2 = Wide(repeating: UInt64(UInt32(bitPattern: sample)))
    var c3 = Wide(repeating: UInt64(site))
    var k0 = key0
    var k1 = key1
    for _ in 0..<10 {
      let p0 = (c0 & low) &* Wide(repeating: UInt64(Philox.multiplier0))
      let p1 = (c2 & low) &* Wide(repeating: UInt64(Philox.multiplier1))
      c0 = (p1 &>> half) ^ c1 ^ Wide(repeating: UInt64(k0))
      c1 = p1 & low
      c2 = (p0 &>> half) ^ c3 ^ Wide(repeating: UInt64(k1))
      c3 = p0 & low
      k0 &+= Philox.weyl0
      k1 &+= Philox.weyl1
    }
    return (
      unsafeBitCast(c0 | (c1 &<< half), to: SIMD16<UInt32>.self),
      unsafeBitCast(c2 | (c3 &<< half), to: SIMD16<UInt32>.self)
    )
  }
}

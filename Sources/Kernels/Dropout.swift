// Dropout (Srivastava et al. 2014): y = x · m / (1 − p), m = 0 with probability p, else 1.
//
// m is drawn from Philox4x32-10 by (seed, step; sample, site, position, element). So the same sample gets the same
// mask on every rank and thread, and backward draws the mask again instead of storing it.
import Base

/// The dropout of one site in one step.
package struct Dropout: Sendable {
  let key0: UInt32
  let key1: UInt32
  let site: UInt32
  /// Elements whose word is below this are dropped.
  let threshold: UInt32
  let scale: Float

  /// - Parameters:
  ///   - probability: the probability of an element to become 0, in 0..<1.
  ///   - site: the number of the operation in the model that drops.
  package init(probability: Double, seed: UInt64, step: Int, site: Int) {
    precondition(probability > 0 && probability < 1, "a dropout of \(probability)")
    key0 = UInt32(truncatingIfNeeded: seed ^ seed >> 32)
    key1 = UInt32(truncatingIfNeeded: step)
    self.site = UInt32(truncatingIfNeeded: site)
    threshold = UInt32(probability * 0x1p32)
    scale = Float(1 / (1 - probability))
  }

  /// Factors (0 or 1/(1−p)) of 32 neighbouring elements: number 32·block and on.
  ///
  /// Eight counters at once; even elements take words 0 (or 2), odd ones words 1 (or 3).
  @inline(__always)
  func factors(block: Int, plane: Int = 0, position: Int, sample: Int32) -> (Vector, Vector) {
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
    let limit = SIMD16<UInt32>(repeating: threshold)
    let keep = Vector(repeating: scale)
    let a = unsafeBitCast(c0 | (c1 &<< half), to: SIMD16<UInt32>.self)
    let b = unsafeBitCast(c2 | (c3 &<< half), to: SIMD16<UInt32>.self)
    return (
      keep.replacing(with: 0, where: a .< limit),
      keep.replacing(with: 0, where: b .< limit)
    )
  }

  /// Multiplies a row of `count` elements by its factors. `plane` distinguishes rows of one position (heads).
  @inline(__always)
  func apply(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, plane: Int = 0, position: Int,
    sample: Int32, adding: Bool = false
  ) {
    for block in 0..<(count + 31) / 32 {
      let (a, b) = factors(block: block, plane: plane, position: position, sample: sample)
      let start = block * 32
      let first = Lanes(offset: start, count: min(16, count - start))
      first.store(first.load(x) * a, y, adding: adding)
      if count > start + 16 {
        let second = Lanes(offset: start + 16, count: min(16, count - start - 16))
        second.store(second.load(x) * b, y, adding: adding)
      }
    }
  }
}

extension Engine {
  /// y = dropout(x) on [samples · length, columns]; backward is the same call with dy and dx.
  /// - Parameter sampleIDs: [samples], the number in the step of each sequence's sample.
  package func dropout(
    _ x: UnsafePointer<Float>, _ dropout: Dropout, sampleIDs: UnsafePointer<Int32>, length: Int, rows: Int,
    columns: Int, into y: UnsafeMutablePointer<Float>, adding: Bool = false
  ) {
    pool.run((rows + 7) / 8) { tile, _ in
      for row in tile * 8..<min((tile + 1) * 8, rows) {
        dropout.apply(
          x + row * columns, into: y + row * columns, count: columns, position: row % length,
          sample: sampleIDs[row / length], adding: adding)
      }
    }
  }
}

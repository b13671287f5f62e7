// Counter-based random numbers: a draw is a function of its key and counter, so that it does not
// depend on which rank or thread makes it. Philox4x32-10 of Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3" (SC 2011); same bits as the Random123 reference.

/// Philox4x32 with ten rounds.
package struct Philox: Sendable {
  package static let multiplier0: UInt32 = 0xD251_1F53
  package static let multiplier1: UInt32 = 0xCD9E_8D57
  package static let weyl0: UInt32 = 0x9E37_79B9
  package static let weyl1: UInt32 = 0xBB67_AE85

  package var key0: UInt32
  package var key1: UInt32

  package init(seed: UInt64) {
    key0 = UInt32(truncatingIfNeeded: seed)
    key1 = UInt32(truncatingIfNeeded: seed >> 32)
  }

  /// Four uniform 32-bit words for one 128-bit counter.
  package func words(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k0 = key0
    var k1 = key1
    for _ in 0..<10 {
      let p0 = Self.multiplier0.multipliedFullWidth(by: c[0])
      let p1 = Self.multiplier1.multipliedFullWidth(by: c[2])
      c = SIMD4(p1.high ^ c[1] ^ k0, p1.low, p0.high ^ c[3] ^ k1, p0.low)
      k0 &+= Self.weyl0
      k1 &+= Self.weyl1
    }
    return c
  }
}

/// A stream of Philox words, for draws that have a natural order (shuffles, sampling, weights).
package struct PhiloxStream: RandomNumberGenerator, Sendable {
  private let philox: Philox
  private let stream: UInt64
  private var index: UInt64 = 0

  /// Streams of the same seed and different numbers are independent.
  package init(seed: UInt64, stream: UInt64) {
    philox = Philox(seed: seed)
    self.stream = stream
  }

  package mutating func next() -> UInt64 {
    let words = philox.words(
      SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
        UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)))
    index += 1
    return UInt64(words[0]) << 32 | UInt64(words[1])
  }

  /// Passes over `count` words.
  package mutating func skip(_ count: Int) { index += UInt64(count) }

  /// A uniform integer in `0..<bound`, by rejection, so that every value is equally likely.
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "an empty range has no random element")
    let bound = UInt64(bound)
    let limit = UInt64.max - UInt64.max % bound
    while true {
      let word = next()
      if word < limit { return Int(word % bound) }
    }
  }

  /// A uniform number in `0..<1` with 53 random bits.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

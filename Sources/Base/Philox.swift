// Counter-based random numbers: a draw is a function of its key and counter, so that it does not
// depend on which rank or thread makes it. Philox4x32-10 of Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3" (SC 2011); same bits as the Random123 reference.

/// Philox4x32 with ten rounds.
package struct Philox: Sendable {
  @inlinable package static var multiplier0: UInt32 { 0xD251_1F53 }
  @inlinable package static var multiplier1: UInt32 { 0xCD9E_8D57 }
  @inlinable package static var weyl0: UInt32 { 0x9E37_79B9 }
  @inlinable package static var weyl1: UInt32 { 0xBB67_AE85 }

  @usableFromInline let key0: UInt32
  @usableFromInline let key1: UInt32

  package init(key0: UInt32, key1: UInt32) {
    self.key0 = key0
    self.key1 = key1
  }

  package init(seed: UInt64) {
    self.init(key0: UInt32(truncatingIfNeeded: seed), key1: UInt32(truncatingIfNeeded: seed >> 32))
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

  /// The four words of eight counters at once. A lane holds 32 bits, with zeros above them.
  @inlinable @inline(__always)
  package func words(_ counters: EightWords) -> EightWords {
    typealias Wide = SIMD8<UInt64>
    let low = Wide(repeating: 0xFFFF_FFFF)
    let half = Wide(repeating: 32)
    var (c0, c1, c2, c3) = counters
    var k0 = key0
    var k1 = key1
    for _ in 0..<10 {
      let p0 = (c0 & low) &* Wide(repeating: UInt64(Self.multiplier0))
      let p1 = (c2 & low) &* Wide(repeating: UInt64(Self.multiplier1))
      c0 = (p1 &>> half) ^ c1 ^ Wide(repeating: UInt64(k0))
      c1 = p1 & low
      c2 = (p0 &>> half) ^ c3 ^ Wide(repeating: UInt64(k1))
      c3 = p0 & low
      k0 &+= Self.weyl0
      k1 &+= Self.weyl1
    }
    return (c0, c1, c2, c3)
  }

  package typealias EightWords = (SIMD8<UInt64>, SIMD8<UInt64>, SIMD8<UInt64>, SIMD8<UInt64>)
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

  /// The words that as many calls of `next` give, eight at a time.
  package mutating func fill(_ words: UnsafeMutableBufferPointer<UInt64>) {
    typealias Wide = SIMD8<UInt64>
    let low = Wide(repeating: 0xFFFF_FFFF)
    let half = Wide(repeating: 32)
    var place = 0
    while place + 8 <= words.count {
      let counters = Wide(repeating: index) &+ Wide(0, 1, 2, 3, 4, 5, 6, 7)
      let drawn = philox.words(
        (counters & low, counters &>> half, Wide(repeating: stream) & low, Wide(repeating: stream >> 32)))
      UnsafeMutableRawPointer(words.baseAddress! + place)
        .storeBytes(of: drawn.0 &<< half | drawn.1, as: Wide.self)
      index += 8
      place += 8
    }
    while place < words.count {
      words[place] = next()
      place += 1
    }
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
  package mutating func unit() -> Double { Self.unit(of: next()) }

  @inlinable @inline(__always)
  package static func unit(of word: UInt64) -> Double { Double(word >> 11) * 0x1p-53 }
}

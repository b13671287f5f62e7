// CPython's `random.Random`: the Mersenne Twister MT19937 of Matsumoto and Nishimura (1998) with the same draws, so that
// few-shot examples and bootstraps are those of lm-evaluation-harness.
import Foundation

package struct PythonRandom {
  private static let size = 624
  private var state = [UInt32](repeating: 0, count: size)
  private var index = size

  /// - Parameter seed: as with `random.seed(n)`, which takes its absolute value.
  package init(seed: Int) {
    let value = UInt64(seed.magnitude)
    var key = [UInt32(truncatingIfNeeded: value)]
    if value >> 32 != 0 { key.append(UInt32(truncatingIfNeeded: value >> 32)) }
    begin(19_650_218)
    var (i, j) = (1, 0)
    for _ in 0..<max(Self.size, key.count) {
      let last = state[i - 1]
      state[i] = (state[i] ^ ((last ^ (last >> 30)) &* 1_664_525)) &+ key[j] &+ UInt32(j)
      i += 1
      j += 1
      if i >= Self.size {
        state[0] = state[Self.size - 1]
        i = 1
      }
      if j >= key.count { j = 0 }
    }
    for _ in 0..<Self.size - 1 {
      let last = state[i - 1]
      state[i] = (state[i] ^ ((last ^ (last >> 30)) &* 1_566_083_941)) &- UInt32(i)
      i += 1
      if i >= Self.size {
        state[0] = state[Self.size - 1]
        i = 1
      }
    }
    state[0] = 0x8000_0000
    index = Self.size
  }

  private mutating func begin(_ seed: UInt32) {
    state[0] = seed
    for place in 1..<Self.size {
      let last = state[place - 1]
      state[place] = 1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(place)
    }
  }

  private mutating func twist() {
    state.withUnsafeMutableBufferPointer { state in
      for place in 0..<Self.size {
        let y = (state[place] & 0x8000_0000) | (state[(place + 1) % Self.size] & 0x7FFF_FFFF)
        state[place] = state[(place + 397) % Self.size] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
      }
    }
    index = 0
  }

  mutating func next() -> UInt32 {
    if index >= Self.size { twist() }
    var y = state[index]
    index += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  /// `random.random()`, in 0..<1.
  package mutating func unit() -> Double {
    let a = next() >> 5
    let b = next() >> 6
    return (Double(a) * 67_108_864 + Double(b)) / 9_007_199_254_740_992
  }

  /// `random._randbelow(n)`, for up to 2^31.
  mutating func below(_ bound: Int) -> Int {
    let bits = Int.bitWidth - bound.leadingZeroBitCount
    while true {
      let drawn = Int(next() >> UInt32(32 - bits))
      if drawn < bound { return drawn }
    }
  }

  /// The places that `random.sample` takes from a list of so many elements, in its order.
  package mutating func sample(_ count: Int, of size: Int) -> [Int] {
    var small = 21
    if count > 5 { small += Int(pow(4.0, ceil(log(Double(count * 3)) / log(4.0)))) }
    if size <= small {
      var pool = Array(0..<size)
      return (0..<count).map { place in
        let drawn = below(size - place)
        defer { pool[drawn] = pool[size - place - 1] }
        return pool[drawn]
      }
    }
    var taken: Set<Int> = []
    return (0..<count).map { _ in
      var drawn = below(size)
      while !taken.insert(drawn).inserted { drawn = below(size) }
      return drawn
    }
  }

  /// The places that `random.choices` takes, all of one weight.
  package mutating func choices(_ count: Int, of size: Int) -> [Int] {
    (0..<count).map { _ in Int(unit() * Double(size)) }
  }
}

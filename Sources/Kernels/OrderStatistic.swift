// The k-th largest of some numbers, bit by bit: each pass over them counts how many are so large.
import CProcessor

/// The k-th largest of at least k numbers.
package func largest(_ k: Int, of x: UnsafePointer<Int32>, count: Int) -> Int32 {
  precondition((1...max(count, 1)).contains(k), "there are so many numbers")
  // Without its sign bit turned, the order of bits is not that of numbers.
  let sign: UInt32 = 1 << 31
  var bits: UInt32 = 0
  for place in (0..<32).reversed() {
    let more = bits | 1 << UInt32(place)
    if swiftdp_count_reaching(x, count, Int32(bitPattern: more ^ sign)) >= k { bits = more }
  }
  return Int32(bitPattern: bits ^ sign)
}

/// How many numbers are so large at least.
package func countReaching(_ least: Int32, in x: UnsafePointer<Int32>, count: Int) -> Int {
  swiftdp_count_reaching(x, count, least)
}

/// Whole numbers that lie as fp32 numbers do; NaN lies beyond infinity.
package func orderedBits(_ x: UnsafePointer<Float>, count: Int, into keys: UnsafeMutablePointer<Int32>) {
  for place in 0..<count {
    let bits = Int32(bitPattern: x[place].bitPattern)
    keys[place] = bits ^ (bits >> 31 & Int32.max)
  }
}

// Sums over grains in fp64, in an order that follows from the grain alone.
import Kernels

/// One value for each grain of each range, in their order; the pool's threads share the grains.
func grainSums(
  _ held: [UpdateStretch], _ engine: Engine, _ sum: (_ stretch: Int, _ range: Range<Int>) -> Double
) -> [Double] {
  var sums = [Double](repeating: 0, count: held.reduce(0) { $0 + $1.range.grains })
  sums.withUnsafeMutableBufferPointer { sums in
    guard var next = sums.baseAddress else { return }
    for (index, stretch) in held.enumerated() {
      let values = next
      let range = stretch.range
      let grains = range.grains
      // Sixteen at a time, since a single grain is too little work for a thread to fetch.
      engine.pool.run((grains + 15) / 16) { tile, _ in
        for grain in tile * 16..<min((tile + 1) * 16, grains) {
          values[grain] = sum(index, range.grain(grain))
        }
      }
      next += grains
    }
  }
  return sums
}

/// The fp64 sum of the squares of fp32 numbers that come sixteen at a time.
struct SquareSum {
  private var low = SIMD8<Double>()
  private var high = SIMD8<Double>()

  @inline(__always) mutating func add(_ x: Vector) {
    var (a, b) = (SIMD8<Double>(), SIMD8<Double>())
    let (xLow, xHigh) = (x.lowHalf, x.highHalf)
    for lane in 0..<8 { a[lane] = Double(xLow[lane]) }
    for lane in 0..<8 { b[lane] = Double(xHigh[lane]) }
    low.addProduct(a, a)
    high.addProduct(b, b)
  }

  var total: Double {
    let eight = low + high
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1]
  }
}

// Sums of parts together with the fp64 sums of squares of every grain, made while the grain is in cache.

extension Engine {
  /// y = ((p0 + p1) + p2) + …, or y = ((y + p0) + p1) + …, as `addInOrder`; the same bits.
  /// - Parameters:
  ///   - x: [parts, count], at least one part.
  ///   - grain: how many numbers a sum of squares is over; the last may be shorter.
  ///   - squares: [⌈count / grain⌉], receives the sum of squares of each grain of y.
  package func addInOrder(
    _ x: UnsafePointer<Float>, parts: Int, count: Int, into y: UnsafeMutablePointer<Float>, adding: Bool,
    grain: Int, squares: UnsafeMutablePointer<Double>
  ) {
    let grains = (count + grain - 1) / grain
    let tile = 16
    pool.run((grains + tile - 1) / tile) { index, _ in
      for number in index * tile..<min((index + 1) * tile, grains) {
        let range = number * grain..<min((number + 1) * grain, count)
        forEachVector(in: range) { lanes in
          var sum = adding ? lanes.load(y) : lanes.load(x)
          for part in (adding ? 0 : 1)..<parts { sum += lanes.load(x + part * count) }
          lanes.store(sum, y)
        }
        squares[number] = sumOfSquares(y + range.lowerBound, count: range.count)
      }
    }
  }
}

/// The fp64 sum of squares of a stretch, in one fixed order.
package func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
  var sums = SIMD8<Double>()
  var index = 0
  while index + 8 <= count {
    let eight = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
    var wide = SIMD8<Double>()
    for lane in 0..<8 { wide[lane] = Double(eight[lane]) }
    sums += wide * wide
    index += 8
  }
  var total = 0.0
  for lane in 0..<8 { total += sums[lane] }
  while index < count {
    total += Double(x[index]) * Double(x[index])
    index += 1
  }
  return total
}

// Sums of parts in a fixed order, and the fp64 sum of squares of each grain of the result.
import Tensors

/// What one rank adds to a sum.
package struct SumPart {
  package let base: UnsafeRawPointer
  package let type: ElementType

  package init(_ base: UnsafeRawPointer, _ type: ElementType) {
    self.base = base
    self.type = type
  }

  /// y = x + part, or y = part if there is no x.
  /// - Parameter rounding: the type that the numbers of the part are rounded to first.
  @inline(__always)
  fileprivate func add(
    to x: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>, in range: Range<Int>,
    rounding: ElementType
  ) {
    // Each case has a loop of its own, so that no loop branches on it.
    func walk(_ term: (Lanes) -> Vector) {
      if let x {
        forEachVector(in: range) { $0.store($0.load(x) + term($0), y) }
      } else {
        forEachVector(in: range) { $0.store(term($0), y) }
      }
    }
    let floats = base.assumingMemoryBound(to: Float.self)
    switch (type, rounding) {
    case (.bfloat16, _): walk { $0.load(base.assumingMemoryBound(to: BFloat16.self)) }
    case (.float32, .float32): walk { $0.load(floats) }
    case (.float32, .bfloat16): walk { roundedToBFloat16($0.load(floats)) }
    }
  }
}

/// As `BFloat16(rounding:)`, widened again.
@inline(__always)
private func roundedToBFloat16(_ x: Vector) -> Vector {
  let bits = unsafeBitCast(x, to: SIMD16<UInt32>.self)
  let nearest = (bits &+ 0x7FFF &+ (bits &>> 16 & 1)) & 0xFFFF_0000
  return unsafeBitCast(nearest, to: Vector.self).replacing(with: x, where: x .!= x)
}

extension Engine {
  /// y = ((p0 + p1) + p2) + …, or y = ((y + p0) + p1) + …
  /// - Parameters:
  ///   - parts: at least one, of `count` numbers each.
  ///   - rounding: the type that the numbers of each part are rounded to before they are added.
  ///   - grain: how many numbers each sum of squares covers; the last may cover fewer.
  ///   - squares: [⌈count / grain⌉], receives the sum of squares of each grain of y while it is in the cache; nil if
  ///     they are not needed.
  package func addInOrder(
    _ parts: UnsafeBufferPointer<SumPart>, rounding: ElementType = .float32, count: Int,
    into y: UnsafeMutablePointer<Float>, adding: Bool, grain: Int, squares: UnsafeMutablePointer<Double>?
  ) {
    guard count > 0, !parts.isEmpty else { return }
    let grains = (count + grain - 1) / grain
    let tile = 16
    pool.run((grains + tile - 1) / tile) { index, _ in
      for number in index * tile..<min((index + 1) * tile, grains) {
        let range = number * grain..<min((number + 1) * grain, count)
        // One pass for each part: y stays in the nearest cache meanwhile.
        var sum: UnsafePointer<Float>? = adding ? UnsafePointer(y) : nil
        var next = 0
        if !adding, parts.count > 1, parts[0].type == .float32, rounding == .float32 {
          sum = parts[0].base.assumingMemoryBound(to: Float.self)
          next = 1
        }
        while next < parts.count {
          parts[next].add(to: sum, into: y, in: range, rounding: rounding)
          sum = UnsafePointer(y)
          next += 1
        }
        squares?[number] = sumOfSquares(y + range.lowerBound, count: range.count)
      }
    }
  }
}

/// The fp64 sum of squares of a range, in one fixed order.
package func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
  // Four chains of additions, so that an addition need not wait for the previous one.
  var chains = (SIMD8<Double>(), SIMD8<Double>(), SIMD8<Double>(), SIMD8<Double>())
  func squares(_ offset: Int) -> SIMD8<Double> {
    let eight = UnsafeRawPointer(x + offset).loadUnaligned(as: SIMD8<Float>.self)
    var wide = SIMD8<Double>()
    for lane in 0..<8 { wide[lane] = Double(eight[lane]) }
    return wide * wide
  }
  var index = 0
  while index + 32 <= count {
    chains.0 += squares(index)
    chains.1 += squares(index + 8)
    chains.2 += squares(index + 16)
    chains.3 += squares(index + 24)
    index += 32
  }
  let sums = (chains.0 + chains.1) + (chains.2 + chains.3)
  var total = 0.0
  for lane in 0..<8 { total += sums[lane] }
  while index < count {
    total += Double(x[index]) * Double(x[index])
    index += 1
  }
  return total
}

// Sums of parts one after the other, and the fp64 sums of squares of every grain of the result.
import Tensors

/// What one rank adds to a sum.
package struct SumPart {
  package let base: UnsafeRawPointer
  package let type: ModelType

  package init(_ base: UnsafeRawPointer, _ type: ModelType) {
    self.base = base
    self.type = type
  }

  /// - Parameter rounding: to what numbers are rounded before they are added.
  @inline(__always)
  fileprivate func load(_ lanes: Lanes, rounding: ModelType) -> Vector {
    switch type {
    case .bfloat16: return lanes.load(base.assumingMemoryBound(to: BFloat16.self))
    case .float32:
      let x = lanes.load(base.assumingMemoryBound(to: Float.self))
      return rounding == .float32 ? x : roundedToBFloat16(x)
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
  ///   - rounding: to what each part's numbers are rounded before they are added.
  ///   - grain: how many numbers a sum of squares is over; the last may be shorter.
  ///   - squares: [⌈count / grain⌉], receives the sum of squares of each grain of y while it is in cache; nil
  ///     where they are not asked for.
  package func addInOrder(
    _ parts: UnsafeBufferPointer<SumPart>, rounding: ModelType = .float32, count: Int,
    into y: UnsafeMutablePointer<Float>, adding: Bool, grain: Int, squares: UnsafeMutablePointer<Double>?
  ) {
    guard count > 0, !parts.isEmpty else { return }
    let grains = (count + grain - 1) / grain
    let tile = 16
    pool.run((grains + tile - 1) / tile) { index, _ in
      for number in index * tile..<min((index + 1) * tile, grains) {
        let range = number * grain..<min((number + 1) * grain, count)
        forEachVector(in: range) { lanes in
          var sum = adding ? lanes.load(y) : parts[0].load(lanes, rounding: rounding)
          for part in (adding ? 0 : 1)..<parts.count { sum += parts[part].load(lanes, rounding: rounding) }
          lanes.store(sum, y)
        }
        squares?[number] = sumOfSquares(y + range.lowerBound, count: range.count)
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

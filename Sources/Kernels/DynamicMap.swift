// The 8-bit dynamic data type (Dettmers 2016; Dettmers et al. 2022): 256 numbers of −1…1 or 0…1 that lie closer
// together the smaller they are, as bitsandbytes' `create_dynamic_map` makes them.
//
// Seven decades from 1e-7 to 1; the decade from 10^(i−7) to 10^(i−6) is cut into equal parts whose middles are
// the map's values: 2^i of each sign where it is signed, 2^(i+1) where it is not. With them 0 and 1 are 256.
import Foundation

package struct DynamicMap: @unchecked Sendable {
  package let isSigned: Bool
  /// The values in ascending order, by code.
  package var values: [Float] { Array(UnsafeBufferPointer(start: table, count: 256)) }
  /// The same in memory that is never freed, for loops.
  let table: UnsafePointer<Float>
  /// The code of 0.
  package let zero: Int
  /// For each decade, the least magnitude that is nearer to its first value than to the one before; the same for 1.
  private let starts: SIMD8<Float>
  /// For each decade, the number of parts in a unit, and the number of its first value counted from 0's.
  private let slopes: SIMD8<Float>
  private let firsts: SIMD8<Float>

  package static let signed = DynamicMap(signed: true)
  package static let unsigned = DynamicMap(signed: false)

  private init(signed: Bool) {
    isSigned = signed
    var positive: [Float] = []
    var (starts, slopes, firsts) = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
    for decade in 0..<7 {
      let parts = 1 << (decade + (signed ? 0 : 1))
      let scale = pow(10, Double(decade - 6))
      let below = positive.last ?? 0
      firsts[decade] = Float(positive.count + 1)
      slopes[decade] = Float(Double(parts) / (0.9 * scale))
      // Rounds as the reference does, which is as torch.linspace does.
      let step = (1 - 0.1 as Float) / Float(parts)
      let bounds = (0...parts).map { index in
        index < (parts + 1) / 2
          ? (0.1 as Float).addingProduct(step, Float(index))
          : (1 as Float).addingProduct(-step, Float(parts - index))
      }
      positive += zip(bounds, bounds.dropFirst()).map { Float(scale) * (($0 + $1) / 2) }
      starts[decade] = (below + positive[Int(firsts[decade]) - 1]) / 2
    }
    starts[7] = (positive[positive.count - 1] + 1) / 2
    (self.starts, self.slopes, self.firsts) = (starts, slopes, firsts)
    zero = signed ? positive.count : 0
    let values = (signed ? positive.reversed().map { -$0 } : []) + [0] + positive + [1]
    precondition(values.count == 256, "a code for every value of a byte")
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 256)
    memory.initialize(from: values, count: 256)
    table = UnsafePointer(memory)
  }

  /// Writes the codes of the nearest values. A number within a rounding of the middle between two values may get
  /// either code.
  /// - Parameters:
  ///   - x: numbers of −largest…largest, or 0…largest without signs.
  ///   - count: a multiple of 16.
  ///   - scale: 1 / largest.
  package func encode(
    _ x: UnsafePointer<Float>, count: Int, scale: Float, into codes: UnsafeMutablePointer<UInt8>
  ) {
    let (starts, slopes, firsts) = (starts, slopes, firsts)
    let (zero, one) = (Float(zero), Float(255 - zero))
    // A decade of n parts begins at 0.1·n/0.9 = n/9 parts; its first value has number n if signed, otherwise n + 1.
    let unsigned: Float = isSigned ? 0 : 1
    for index in stride(from: 0, to: count, by: 16) {
      let value = UnsafeRawPointer(x + index).loadUnaligned(as: Vector.self) * scale
      let size = value.replacing(with: -value, where: value .< 0)
      var slope = Vector(repeating: slopes[0])
      var first = Vector(repeating: firsts[0])
      for decade in 1..<7 {
        let above = size .> Vector(repeating: starts[decade])
        slope.replace(with: Vector(repeating: slopes[decade]), where: above)
        first.replace(with: Vector(repeating: firsts[decade]), where: above)
      }
      let last = first + first + (unsigned - 1)
      // Adding 1.5·2^23 rounds to a whole number; subtracting a half first rounds down.
      let magic: Float = 12_582_912
      let place = (first - 0.5 - (first + unsigned) * (1 / 9 as Float)).addingProduct(size, slope)
      var number = (place + magic) - magic
      number = number.replacing(with: first, where: number .< first)
      number = number.replacing(with: last, where: number .> last)
      number.replace(with: 0, where: size .<= Vector(repeating: starts[0]))
      number.replace(with: one, where: value .> Vector(repeating: starts[7]))
      // With 2^23 added, a whole number is the low bits of the mantissa.
      let code = zero + number.replacing(with: -number, where: value .< 0) + 8_388_608
      let bits = unsafeBitCast(code, to: SIMD16<UInt32>.self)
      UnsafeMutableRawPointer(codes + index).storeBytes(
        of: SIMD16<UInt8>(truncatingIfNeeded: bits), as: SIMD16<UInt8>.self)
    }
  }

  /// Writes the values of codes, times a scale.
  package func decode(
    _ codes: UnsafePointer<UInt8>, count: Int, scale: Float, into x: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count { x[index] = table[Int(codes[index])] * scale }
  }
}

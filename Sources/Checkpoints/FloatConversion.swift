// Conversion between the 16- and 64-bit floats of files and `Float`. Branch-free, so that the compiler vectorises it;
// sources need no alignment. Files are little-endian, as is every machine that swiftdp runs on.

import Tensors

package enum FloatConversion {
  /// Fills `target` from as many elements of that type.
  /// - Precondition: `type.isFloat`, and `source` holds `target.count` elements.
  package static func widen(
    _ type: StoredType, _ source: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<Float>
  ) {
    guard let out = target.baseAddress else { return }
    switch type {
    case .f32:
      UnsafeMutableRawPointer(out).copyMemory(from: source, byteCount: 4 * target.count)
    case .bf16:
      for index in 0..<target.count {
        let half = source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)
        out[index] = Float(bitPattern: UInt32(half) << 16)
      }
    case .f16:
      for index in 0..<target.count {
        out[index] = widened(f16: source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self))
      }
    case .f64:
      for index in 0..<target.count {
        out[index] = Float(source.loadUnaligned(fromByteOffset: index &* 8, as: Double.self))
      }
    default: preconditionFailure("\(type.rawValue) is not a type of floats that can be read")
    }
  }

  /// Exact, and without `Float16`, whose conversion is a library call if the compiler may not assume the instruction.
  @inline(__always)
  package static func widened(f16 half: UInt16) -> Float {
    let bits = UInt32(half)
    let mantissa = bits & 0x3FF
    let exponent = bits >> 10 & 0x1F
    let normal = (bits & 0x7FFF) << 13 &+ 112 << 23
    let infiniteOrNaN = 0x7F80_0000 | mantissa << 13
    let subnormal = (Float(Int32(truncatingIfNeeded: mantissa)) * 0x1p-24).bitPattern
    let magnitude = exponent == 31 ? infiniteOrNaN : exponent == 0 ? subnormal : normal
    return Float(bitPattern: magnitude | (bits & 0x8000) << 16)
  }

  /// Rounds to the nearest, ties to even; what is too large becomes infinite.
  @inline(__always)
  package static func narrowed(f16 x: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: x.bitPattern >> 16) & 0x8000
    let magnitude = x.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    // From 65,520 on, the nearest is infinity.
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {
      let units = Float(bitPattern: magnitude) * 0x1p24
      return sign | UInt16(units.rounded(.toNearestOrEven))
    }
    let moved = magnitude - 112 << 23
    return sign | UInt16(truncatingIfNeeded: (moved + 0xFFF + (moved >> 13 & 1)) >> 13)
  }

  /// Rounds `source` to 16 bits.
  /// - Precondition: `type` is BF16 or F16, and `target` holds at least as many elements.
  package static func narrow(
    _ source: UnsafeBufferPointer<Float>, to type: StoredType = .bf16,
    into target: UnsafeMutablePointer<UInt16>
  ) {
    guard let from = source.baseAddress else { return }
    switch type {
    case .bf16:
      BFloat16.narrow(
        from, count: source.count,
        into: UnsafeMutableRawPointer(target).assumingMemoryBound(to: BFloat16.self))
    case .f16: for index in source.indices { target[index] = narrowed(f16: source[index]) }
    default: preconditionFailure("\(type.rawValue) is not a type of 16 bits that is written")
    }
  }
}

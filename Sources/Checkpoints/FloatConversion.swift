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

  /// Rounds `source` to bfloat16.
  /// - Precondition: `target` holds at least as many elements.
  package static func narrow(_ source: UnsafeBufferPointer<Float>, into target: UnsafeMutablePointer<UInt16>)
  {
    guard let from = source.baseAddress else { return }
    BFloat16.narrow(
      from, count: source.count, into: UnsafeMutableRawPointer(target).assumingMemoryBound(to: BFloat16.self))
  }
}

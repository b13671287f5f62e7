// bfloat16: the upper half of an fp32 number.
import CProcessor

/// A bfloat16 number, for memory and matrix products; sums are never kept in it.
package struct BFloat16: Sendable, Equatable {
  package var bits: UInt16

  /// Rounds to the nearest, ties to even. NaN stays NaN with its sign, and overflow becomes infinity.
  @inline(__always)
  package init(rounding value: Float) { bits = swiftdp_bfloat16(value) }

  package var float: Float { Float(bitPattern: UInt32(bits) << 16) }

  /// Rounds `count` numbers; `target` may be the memory of `source`.
  package static func narrow(
    _ source: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<BFloat16>
  ) {
    swiftdp_narrow(source, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self), count)
  }

  /// Rounds numbers to bfloat16 and leaves them fp32.
  package static func round(_ x: UnsafeMutablePointer<Float>, count: Int) { swiftdp_round(x, count) }

  /// factor · x as the sum of two numbers; see `swiftdp_split`.
  package static func split(
    _ source: UnsafePointer<Float>, count: Int, factor: Float, into target: UnsafeMutablePointer<BFloat16>,
    rest: UnsafeMutablePointer<BFloat16>
  ) {
    swiftdp_split(
      source, factor, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self),
      UnsafeMutableRawPointer(rest).assumingMemoryBound(to: UInt16.self), count)
  }

  package static func widen(
    _ source: UnsafePointer<BFloat16>, count: Int, into target: UnsafeMutablePointer<Float>
  ) {
    swiftdp_widen(UnsafeRawPointer(source).assumingMemoryBound(to: UInt16.self), target, count)
  }
}

/// The type that a model's weights are kept in and its matrices multiplied in; sums are fp32 with either.
package enum ElementType: String, Sendable, CaseIterable {
  case float32
  case bfloat16

  package var bytes: Int { self == .float32 ? 4 : 2 }
}

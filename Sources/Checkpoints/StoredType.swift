// The element types that safetensors knows.

/// An element type of a safetensors file. All can be listed; `isFloat` and `isInteger` ones can be read.
package enum StoredType: String, CaseIterable, Sendable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u8 = "U8"
  case bool = "BOOL"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case c64 = "C64"
  case f8E5M2 = "F8_E5M2"
  case f8E4M3 = "F8_E4M3"
  case f8E8M0 = "F8_E8M0"
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
  case f4 = "F4"

  /// Bits of one element; the small ones are packed.
  package var bits: Int {
    switch self {
    case .f64, .i64, .u64, .c64: 64
    case .f32, .i32, .u32: 32
    case .f16, .bf16, .i16, .u16: 16
    case .i8, .u8, .bool, .f8E5M2, .f8E4M3, .f8E8M0, .f8E5M2FNUZ, .f8E4M3FNUZ: 8
    case .f6E2M3, .f6E3M2: 6
    case .f4: 4
    }
  }

  /// Whether `SafetensorsFile.read` converts it to `Float`.
  package var isFloat: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16: true
    default: false
    }
  }

  /// Whether `SafetensorsFile.integers` reads it.
  package var isInteger: Bool {
    switch self {
    case .i64, .i32, .i16, .i8, .u8, .bool: true
    default: false
    }
  }

  /// Bytes of a tensor of that shape; nil if they are not a whole number, or if their bits are too many to count.
  package func byteCount(of shape: [Int]) -> Int? {
    guard let count = Self.elementCount(of: shape) else { return nil }
    let (total, overflow) = count.multipliedReportingOverflow(by: bits)
    return overflow || total % 8 != 0 ? nil : total / 8
  }

  /// The product of the shape, 1 for a scalar; nil if a size is negative or the product too large.
  package static func elementCount(of shape: [Int]) -> Int? {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { return nil }
      count = product
    }
    return count
  }
}

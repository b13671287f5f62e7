// What the values of a column are, and how they stand in JSON.
import Base
import Foundation

enum PhysicalType: Int {
  case boolean, int32, int64, int96, float, double, byteArray, fixed
}

/// A value as it is stored.
enum StoredValue {
  /// A number, its sign extended, or the bits of a floating-point one.
  case bits(UInt64)
  /// Valid until the next value is read.
  case bytes(UnsafeRawBufferPointer)
}

struct ColumnType {
  let physical: PhysicalType
  /// Bytes of a value of type `fixed`.
  let length: Int
  private let meaning: LogicalType?

  init(_ element: SchemaElement) throws {
    guard let number = element.physical, let physical = PhysicalType(rawValue: number) else {
      throw ParquetMistake.damaged("a column has no known type")
    }
    self.physical = physical
    length = element.length
    guard physical != .fixed || (1...1 << 16).contains(length) else {
      throw ParquetMistake.damaged("the values of a column have \(length) bytes")
    }
    meaning = element.logical ?? Self.meaning(element)
  }

  /// What older files say.
  private static func meaning(_ element: SchemaElement) -> LogicalType? {
    switch element.converted {
    case 0, 4: .text
    case 5: .decimal(scale: element.scale)
    case 6: .date
    case 7: .time(.milliseconds)
    case 8: .time(.microseconds)
    case 9: .timestamp(.milliseconds, isUTC: true)
    case 10: .timestamp(.microseconds, isUTC: true)
    case 11, 12, 13, 14: .integer(isSigned: false)
    case 19: .json
    case 21: .interval
    default: nil
    }
  }

  /// Whether values are texts.
  var isText: Bool { if case .text = meaning { physical == .byteArray } else { false } }

  func json(_ value: StoredValue) throws -> JSON {
    switch value {
    case .bits(let bits): json(bits: bits)
    case .bytes(let bytes): try json(bytes: bytes)
    }
  }

  private func json(bits: UInt64) -> JSON {
    let number = Int64(bitPattern: bits)
    switch (physical, meaning) {
    case (.boolean, _): return .bool(bits != 0)
    case (.float, _): return .number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case (.double, _): return .number(Double(bitPattern: bits))
    case (.int32, .integer(isSigned: false)): return .integer(Int(UInt32(truncatingIfNeeded: bits)))
    case (.int64, .integer(isSigned: false)):
      return Int(exactly: bits).map { .integer($0) } ?? .number(Double(bits))
    case (_, .decimal(let scale)): return Self.decimal("\(number)", scale: scale)
    case (_, .date): return .string(CalendarText.date(days: number))
    case (_, .time(let unit)): return .string(CalendarText.time(number, unit))
    case (_, .timestamp(let unit, let isUTC)):
      return .string(CalendarText.timestamp(number, unit, isUTC: isUTC))
    default: return .integer(Int(number))
    }
  }

  private func json(bytes: UnsafeRawBufferPointer) throws -> JSON {
    switch meaning {
    case .decimal(let scale):
      // The digits of more than 128 bits are more than any program writes.
      guard (1...16).contains(bytes.count) else {
        throw ParquetMistake.damaged("a decimal has \(bytes.count) bytes")
      }
      var value: Int128 = bytes[0] < 0x80 ? 0 : -1
      for byte in bytes { value = value << 8 | Int128(byte) }
      return Self.decimal("\(value)", scale: scale)
    case .half where bytes.count == 2:
      let bits = UInt16(littleEndian: bytes.loadUnaligned(as: UInt16.self))
      return .number(halfPrecision(bits))
    case .uuid where bytes.count == 16:
      return .string(bytes.withMemoryRebound(to: UInt8.self) { Self.uuid($0) })
    case .interval: throw ParquetMistake("is an interval of time, which is not built in")
    default: break
    }
    if physical == .int96 { return .string(CalendarText.timestamp(int96: bytes)) }
    let text = Array(bytes)
    guard (try? UTF8Span(validating: text.span)) != nil else {
      throw ParquetMistake(
        "holds bytes that are not UTF-8", hint: "name the columns that are read with data.columns")
    }
    return .string(text)
  }

  /// A number with its last `scale` digits behind the point: whole where there are none, else the nearest double.
  private static func decimal(_ digits: String, scale: Int) -> JSON {
    if scale <= 0, let value = Int(digits + String(repeating: "0", count: min(-scale, 40))) {
      return .integer(value)
    }
    return .number(Double("\(digits)e\(-scale)") ?? .nan)
  }

  private static func uuid(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    var text = ""
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += zeroPadded(String(byte, radix: 16), to: 2)
    }
    return text
  }
}

/// IEEE 754 binary16.
private func halfPrecision(_ bits: UInt16) -> Double {
  let sign: Double = bits >> 15 == 0 ? 1 : -1
  let (exponent, fraction) = (Int(bits >> 10 & 0x1F), Double(bits & 0x3FF))
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default: return sign * (1024 + fraction) * exp2(Double(exponent - 25))
  }
}

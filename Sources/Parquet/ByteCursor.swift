// Reads numbers from bytes that anybody may have written.

/// A place in bytes that somebody else keeps; nothing is read behind their end.
struct ByteCursor {
  let bytes: UnsafeRawBufferPointer
  private(set) var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[at...]) }
  var left: Int { bytes.count - at }

  mutating func byte() throws -> UInt8 {
    guard at < bytes.count else { throw Self.endsTooEarly }
    defer { at += 1 }
    return bytes[at]
  }

  /// The next bytes.
  mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= bytes.count - at else { throw Self.endsTooEarly }
    defer { at += count }
    return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
  }

  /// A little-endian number.
  mutating func fixed<Number: FixedWidthInteger>(_: Number.Type) throws -> Number {
    let size = MemoryLayout<Number>.size
    guard size <= bytes.count - at else { throw Self.endsTooEarly }
    defer { at += size }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Number.self))
  }

  /// A number in groups of seven bits (LEB128).
  mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw ParquetMistake.damaged("a number has more than 64 bits")
  }

  /// The same with the sign in the lowest bit.
  mutating func zigzag() throws -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  static let endsTooEarly = ParquetMistake.damaged("a part of it ends too early")
}

extension UnsafeRawBufferPointer {
  /// - Throws: where the range does not lie in the bytes.
  func part(from start: Int64, count: Int64) throws -> UnsafeRawBufferPointer {
    guard start >= 0, count >= 0, start <= Int64(self.count), count <= Int64(self.count) - start else {
      throw ParquetMistake.damaged("a part of it would lie outside of it")
    }
    return UnsafeRawBufferPointer(rebasing: self[Int(start)..<Int(start + count)])
  }
}

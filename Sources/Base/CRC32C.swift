// A checksum for bytes that may change on a disk or on their way to it: CRC-32C. Different ranks can compute it of
// parts, and combine the results.
import CProcessor

/// CRC-32C (Castagnoli 1993; RFC 3720, appendix B.4): remainders modulo the polynomial 0x1EDC6F41 over GF(2), bits
/// reflected, begun and ended with all ones. Every burst of up to 32 wrong bits is noticed, and so is every odd
/// number of them.
///
/// It is linear: the checksum of a whole is the XOR of those of its parts, each shifted by how many bytes follow
/// it. So parts may be taken in any order and by anyone.
package struct CRC32C: Equatable, Sendable {
  /// The checksum of the bytes taken in so far.
  package private(set) var value: UInt32 = 0

  package init() {}

  package init(_ bytes: some Sequence<UInt8>) { Array(bytes).withUnsafeBytes { update($0) } }

  /// Takes in bytes, with the processor's own instruction where it has one.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard Self.hasInstruction else { return updateByTable(bytes) }
    value = ~swiftdp_crc32c(~value, bytes.baseAddress, bytes.count)
  }

  /// The same on any processor, a byte at a time and twenty times as slow.
  package mutating func updateByTable(_ bytes: UnsafeRawBufferPointer) {
    value = Self.table.withUnsafeBufferPointer { table in
      ~bytes.reduce(~value) { crc, byte in crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
    }
  }

  private static let hasInstruction = swiftdp_has_crc32c() != 0

  /// What a part with this checksum adds to the checksum of the whole if so many bytes follow the part.
  package static func shifted(_ value: UInt32, by following: Int) -> UInt32 {
    var power: UInt32 = 1 << 31
    var left = following
    // x to the power of eight times the number of bytes, from squares.
    var square = 3
    while left > 0 {
      if left & 1 == 1 { power = product(squares[square], power) }
      left >>= 1
      square += 1
    }
    return product(power, value)
  }

  /// The checksum of two parts that follow each other.
  package static func combine(_ first: UInt32, _ second: UInt32, secondCount: Int) -> UInt32 {
    shifted(first, by: secondCount) ^ second
  }

  /// A checksum as 8 hexadecimal digits.
  package static func digits(_ value: UInt32) -> String {
    zeroPadded(String(value, radix: 16), to: 8)
  }

  /// The polynomial, its highest power in the lowest bit.
  private static let polynomial: UInt32 = 0x82F6_3B78

  /// The product of two polynomials modulo that one.
  private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
    var sum: UInt32 = 0
    var b = b
    for bit in stride(from: 31, through: 0, by: -1) {
      if a >> UInt32(bit) & 1 == 1 { sum ^= b }
      b = b >> 1 ^ (b & 1 == 1 ? polynomial : 0)
    }
    return sum
  }

  /// x to the powers 1, 2, 4, 8, … times eight.
  private static let squares: [UInt32] = {
    var squares: [UInt32] = [1 << 30]
    while squares.count < 66 { squares.append(product(squares.last!, squares.last!)) }
    return squares
  }()

  /// The remainder of each byte after its eight divisions.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? polynomial : 0) }
  }
}

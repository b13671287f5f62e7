// A short number that identifies bytes, the same on every machine. It is not for secrets.

/// FNV-1a of 64 bits, by Fowler, Noll and Vo (RFC 9923): each byte is XORed in, then the whole is multiplied by a
/// prime. The low bits mix badly: code that uses only a few of them must mix once more.
package struct FNV1a: Sendable {
  /// The offset basis at first, then the hash so far.
  package var value: UInt64

  @inlinable package init() { value = 0xCBF2_9CE4_8422_2325 }

  @inlinable package init(_ bytes: some Sequence<UInt8>) {
    self.init()
    for byte in bytes { mix(UInt64(byte)) }
  }

  /// Takes in a byte, or a whole number in one step; the latter gives another hash than its bytes would.
  @inlinable package mutating func mix(_ number: UInt64) { value = (value ^ number) &* 0x100_0000_01B3 }

  /// Takes in each of many numbers, without their signs.
  package mutating func mix(_ numbers: UnsafeBufferPointer<Int32>) {
    for number in numbers { mix(UInt64(UInt32(bitPattern: number))) }
  }

  /// 16 hexadecimal digits.
  package var digits: String {
    zeroPadded(String(value, radix: 16), to: 16)
  }
}

// A short number for bytes, the same on every machine, for what is recognised and not for what is secret.

/// FNV-1a of 64 bits, by Fowler, Noll and Vo (RFC 9923): each byte is XORed in, then the whole is multiplied by a
/// prime. The low bits mix badly: whoever takes few of them must stir once more.
package struct FNV1a: Sendable {
  /// The offset basis, and what becomes of it.
  package var value: UInt64

  @inlinable package init() { value = 0xCBF2_9CE4_8422_2325 }

  @inlinable package init(_ bytes: some Sequence<UInt8>) {
    self.init()
    for byte in bytes { mix(UInt64(byte)) }
  }

  /// Takes in a byte, or a whole number in one step, which gives another hash than its bytes would.
  @inlinable package mutating func mix(_ number: UInt64) { value = (value ^ number) &* 0x100_0000_01B3 }

  /// 16 hexadecimal digits.
  package var digits: String {
    zeroPadded(String(value, radix: 16), to: 16)
  }
}

// Characters that nobody sees and no text needs.

extension Unicode.Scalar {
  /// Whether it is a control character but no tab and no line end, a mark of byte order, or a code point that is no
  /// character. Joiners and marks of direction are none of these: scripts need them.
  @inlinable package var isUnseenControl: Bool {
    value < 0x20 && value != 0x09 && value != 0x0A && value != 0x0D || (0x7F...0x9F).contains(value)
      || value == 0xFEFF || value & 0xFFFE == 0xFFFE || (0xFDD0...0xFDEF).contains(value)
  }
}

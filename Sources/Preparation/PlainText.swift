// Texts without what nobody sees: control characters, and white space of other kinds and numbers.
import Base

package enum PlainText {
  /// Without control characters but tabs and line ends, and without marks of byte order and code points that are no
  /// characters. Joiners and marks of direction stay: scripts need them.
  package static func withoutControls(_ text: [UInt8]) -> [UInt8] {
    // Nearly all texts have none of the bytes that these begin with.
    guard
      text.contains(where: {
        $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D || $0 == 0x7F || $0 == 0xC2 || $0 >= 0xEF
      })
    else { return text }
    var scalars = String.UnicodeScalarView()
    var isChanged = false
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if scalar.isUnseenControl { isChanged = true } else { scalars.append(scalar) }
    }
    return isChanged ? Array(String(scalars).utf8) : text
  }

  /// With one space for each run of them, line ends of one kind, no space around them, at most one empty line between
  /// others, and none of all that at both ends.
  package static func collapsed(_ text: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    var (spaces, lines) = (false, 0)
    var isAfterReturn = false
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      let value = scalar.value
      switch value {
      case 0x0A, 0x0D, 0x0B, 0x0C, 0x85, 0x2028, 0x2029:
        // A line end of two characters is one.
        if value != 0x0A || !isAfterReturn { lines += 1 }
      case 0x20, 0x09, 0xA0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: spaces = true
      default:
        if !out.isEmpty {
          if lines > 0 {
            out.append(contentsOf: repeatElement(0x0A, count: min(lines, 2)))
          } else if spaces {
            out.append(0x20)
          }
        }
        (spaces, lines) = (false, 0)
        if value < 0x80 { out.append(UInt8(value)) } else { out.append(contentsOf: UTF8.encode(scalar)!) }
      }
      isAfterReturn = value == 0x0D
    }
    return out
  }

  /// Without white space at both ends.
  package static func trimmed(_ text: [UInt8]) -> [UInt8] {
    let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
    let start = scalars.drop { $0.properties.isWhitespace }
    guard let last = start.lastIndex(where: { !$0.properties.isWhitespace }) else { return [] }
    return Array(String(start[...last]).utf8)
  }
}

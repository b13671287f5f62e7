// Python's view of text: code points over UTF-8 bytes, its white space, its search.

package enum PythonText {
  /// The length of a character by its first byte, for valid UTF-8.
  @inline(__always)
  static func length(_ first: UInt8) -> Int { first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4 }

  /// How many code points there are.
  package static func count(_ text: some Collection<UInt8>) -> Int {
    var count = 0
    for byte in text where byte & 0xC0 != 0x80 { count += 1 }
    return count
  }

  static func isASCII(_ text: [UInt8]) -> Bool { text.allSatisfy { $0 < 0x80 } }

  package static func scalars(_ text: some Sequence<UInt8>) -> [Unicode.Scalar] {
    Array(String(decoding: Array(text), as: UTF8.self).unicodeScalars)
  }

  package static func bytes(_ scalars: some Sequence<Unicode.Scalar>) -> [UInt8] {
    var out: [UInt8] = []
    for scalar in scalars { append(scalar, to: &out) }
    return out
  }

  @inline(__always)
  static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) {
    if scalar.value < 0x80 {
      out.append(UInt8(scalar.value))
    } else {
      out.append(contentsOf: UTF8.encode(scalar)!)
    }
  }

  /// Where the code point of a number begins; the end if there are fewer.
  static func place(_ text: [UInt8], ofCharacter number: Int) -> Int {
    var place = 0
    var left = number
    while left > 0, place < text.count {
      place += length(text[place])
      left -= 1
    }
    return place
  }

  /// The length of the white space that stands at a place; 0 if there is none.
  static func spaceLength(_ text: [UInt8], _ place: Int) -> Int {
    let first = text[place]
    if first < 0x80 {
      return first == 0x20 || (0x09...0x0D).contains(first) || (0x1C...0x1F).contains(first) ? 1 : 0
    }
    let length = length(first)
    guard place + length <= text.count else { return 0 }
    switch (first, length) {
    case (0xC2, _): return text[place + 1] == 0x85 || text[place + 1] == 0xA0 ? 2 : 0
    case (0xE1...0xE3, 3):
      let value =
        UInt32(first & 0x0F) << 12 | UInt32(text[place + 1] & 0x3F) << 6 | UInt32(text[place + 2] & 0x3F)
      return isSpace(value) ? 3 : 0
    default: return 0
    }
  }

  package static func isSpace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }

  /// The end of a range without the white space that it ends with.
  package static func trimmedEnd(_ text: [UInt8], _ range: Range<Int>) -> Int {
    var end = range.upperBound
    while end > range.lowerBound {
      var place = end - 1
      while place > range.lowerBound, text[place] & 0xC0 == 0x80 { place -= 1 }
      let space = spaceLength(text, place)
      guard space > 0, place + space == end else { break }
      end = place
    }
    return end
  }

  /// The beginning of a range without the white space that it begins with.
  package static func trimmedStart(_ text: [UInt8], _ range: Range<Int>) -> Int {
    var start = range.lowerBound
    while start < range.upperBound {
      let space = spaceLength(text, start)
      if space == 0 { break }
      start += space
    }
    return start
  }

  /// The text with every line end as one line feed.
  static func withLineFeeds(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(0x0D) else { return text }
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    for (place, byte) in text.enumerated() {
      if byte == 0x0D {
        out.append(0x0A)
      } else if byte != 0x0A || place == 0 || text[place - 1] != 0x0D {
        out.append(byte)
      }
    }
    return out
  }

  /// All places of a part that do not overlap, from the front.
  static func places(of part: [UInt8], in text: [UInt8], atMost most: Int = .max) -> [Int] {
    var places: [Int] = []
    var from = 0
    while places.count < most, from <= text.count, let place = find(part, in: text[from...]) {
      places.append(place)
      from = place + part.count
    }
    return places
  }

  /// Python's `splitlines` without the ends.
  static func lines(_ text: [UInt8], keepEnds: Bool = false) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    var place = 0
    while place < text.count {
      let length = lineEndLength(text, place)
      if length > 0 {
        lines.append(Array(text[start..<(keepEnds ? place + length : place)]))
        place += length
        start = place
      } else {
        place += self.length(text[place])
      }
    }
    if start < text.count { lines.append(Array(text[start...])) }
    return lines
  }

  private static func lineEndLength(_ text: [UInt8], _ place: Int) -> Int {
    switch text[place] {
    case 0x0D: return place + 1 < text.count && text[place + 1] == 0x0A ? 2 : 1
    case 0x0A...0x0C, 0x1C...0x1E: return 1
    case 0xC2: return text[place + 1] == 0x85 ? 2 : 0
    case 0xE2: return text[place + 1] == 0x80 && (text[place + 2] == 0xA8 || text[place + 2] == 0xA9) ? 3 : 0
    default: return 0
    }
  }
}

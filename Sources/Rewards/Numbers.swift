// Numbers as they stand in texts: 1,234.5 and -3 and 2e5.

/// A number in a text.
struct TextNumber: Equatable {
  let value: Double
  /// Where it stands.
  let range: Range<Int>

  /// All numbers of a text, in order. A hyphen behind a letter or digit is no sign; commas between groups of three digits
  /// belong to the number.
  static func all(in text: [UInt8]) -> [TextNumber] {
    var found: [TextNumber] = []
    var place = 0
    while place < text.count {
      guard let number = number(in: text, at: place) else {
        place += 1
        continue
      }
      found.append(number)
      place = number.range.upperBound
    }
    return found
  }

  /// The number that an answer gives: the one behind the last `####`, as in GSM8K, or else the last one.
  static func answer(in text: [UInt8]) -> TextNumber? {
    let mark = [UInt8](repeating: UInt8(ascii: "#"), count: 4)
    let last = text.indices.reversed().first { text[$0...].starts(with: mark) }
    if let last, let number = all(in: Array(text[last...])).first { return number }
    return all(in: text).last
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte >= 0x80
  }

  /// The number that begins at a place.
  private static func number(in text: [UInt8], at start: Int) -> TextNumber? {
    func byte(_ place: Int) -> UInt8 { place < text.count ? text[place] : 0 }
    var place = start
    var digits: [UInt8] = []
    if [UInt8(ascii: "-"), UInt8(ascii: "+")].contains(byte(place)) {
      if start > 0, isWord(text[start - 1]) { return nil }
      digits.append(byte(place))
      place += 1
    }
    let hasPoint = byte(place) == UInt8(ascii: ".") && isDigit(byte(place + 1))
    guard isDigit(byte(place)) || hasPoint else { return nil }
    while isDigit(byte(place)) {
      digits.append(byte(place))
      place += 1
      let isGroup =
        byte(place) == UInt8(ascii: ",") && (1...3).allSatisfy { isDigit(byte(place + $0)) }
        && !isDigit(byte(place + 4))
      if isGroup { place += 1 }
    }
    if byte(place) == UInt8(ascii: "."), isDigit(byte(place + 1)) {
      repeat {
        digits.append(byte(place))
        place += 1
      } while isDigit(byte(place))
    }
    if byte(place) | 0x20 == UInt8(ascii: "e") {
      let sign = [UInt8(ascii: "-"), UInt8(ascii: "+")].contains(byte(place + 1)) ? 1 : 0
      if isDigit(byte(place + 1 + sign)) {
        digits += text[place..<place + 1 + sign]
        place += 1 + sign
        while isDigit(byte(place)) {
          digits.append(byte(place))
          place += 1
        }
      }
    }
    guard let value = Double(String(decoding: digits, as: UTF8.self)), value.isFinite else { return nil }
    return TextNumber(value: value, range: start..<place)
  }

  /// Whether two numbers are one, but for the rounding of decimal fractions.
  func equals(_ other: Double) -> Bool { abs(value - other) <= 1e-9 * max(1, abs(value), abs(other)) }
}

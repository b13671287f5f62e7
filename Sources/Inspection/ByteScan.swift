// Small steps through a text's bytes, for what is looked for in every row.

extension UInt8 {
  var isDigit: Bool { self >= 0x30 && self <= 0x39 }
  var isLetter: Bool { self | 0x20 >= 0x61 && self | 0x20 <= 0x7A }
  var isAlphanumeric: Bool { isDigit || isLetter }
  /// Letters and digits, `_` and `-`: what keys are written in.
  var isKeyByte: Bool { isAlphanumeric || self == UInt8(ascii: "_") || self == UInt8(ascii: "-") }
}

extension [UInt8] {
  /// Whether a text stands at a place.
  func has(_ text: StaticString, at place: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard place >= 0, place + length <= count else { return false }
    return (0..<length).allSatisfy { self[place + $0] == text.utf8Start[$0] }
  }

  /// The bytes from a place on that are all of a kind.
  func run(from place: Int, _ isKind: (UInt8) -> Bool) -> Range<Int> {
    var end = place
    while end < count, isKind(self[end]) { end += 1 }
    return place..<end
  }

  /// Whether a byte stands there and is of a kind.
  func isKind(at place: Int, _ isKind: (UInt8) -> Bool) -> Bool {
    indices.contains(place) && isKind(self[place])
  }
}

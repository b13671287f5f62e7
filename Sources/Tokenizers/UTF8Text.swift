// UTF-8 by hand: reading scalars, checking a text, and repairing one that is not UTF-8.

enum UTF8Text {
  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// The scalar at `at` of valid UTF-8 and its length in bytes.
  @inline(__always)
  static func scalar(_ text: UnsafePointer<UInt8>, _ at: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(text[at])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(text[at + 1] & 0x3F)
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(text[at + 2] & 0x3F)
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(text[at + 3] & 0x3F), 4)
  }

  /// The length of a scalar by its first byte, for valid UTF-8.
  @inline(__always)
  static func length(_ first: UInt8) -> Int {
    first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  }

  /// Where the scalar before `at` starts, for valid UTF-8 and `at` > `start`.
  @inline(__always)
  static func before(_ text: UnsafePointer<UInt8>, _ at: Int) -> Int {
    var at = at - 1
    while text[at] & 0xC0 == 0x80 { at -= 1 }
    return at
  }

  static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
    func append(_ bits: UInt32) { bytes.append(UInt8(bits)) }
    switch scalar {
    case ..<0x80: append(scalar)
    case ..<0x800:
      append(0xC0 | scalar >> 6)
      append(0x80 | scalar & 0x3F)
    case ..<0x10000:
      append(0xE0 | scalar >> 12)
      append(0x80 | scalar >> 6 & 0x3F)
      append(0x80 | scalar & 0x3F)
    default:
      append(0xF0 | scalar >> 18)
      append(0x80 | scalar >> 12 & 0x3F)
      append(0x80 | scalar >> 6 & 0x3F)
      append(0x80 | scalar & 0x3F)
    }
  }

  /// What is at one place of a text that may not be UTF-8.
  enum Found {
    case scalar(length: Int)
    /// The longest beginning of a scalar that cannot go on: it becomes one U+FFFD, as Unicode and Python's `replace`
    /// say.
    case broken(length: Int)
    /// The text ends inside a scalar that could still become whole.
    case cut
  }

  static func look(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Found {
    let first = text[at]
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    let length: Int
    switch first {
    case ..<0x80: return .scalar(length: 1)
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if first == 0xE0 { low = 0xA0 } else if first == 0xED { high = 0x9F }
    case 0xF0...0xF4:
      length = 4
      if first == 0xF0 { low = 0x90 } else if first == 0xF4 { high = 0x8F }
    default: return .broken(length: 1)
    }
    for index in 1..<length {
      guard at + index < text.count else { return .cut }
      let byte = text[at + index]
      guard byte >= low, byte <= high else { return .broken(length: index) }
      low = 0x80
      high = 0xBF
    }
    return .scalar(length: length)
  }

  /// How many bytes the scalar at one place has, or what stands there in place of one.
  static func foundLength(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
    switch look(text, at) {
    case .scalar(let length), .broken(let length): length
    case .cut: text.count - at
    }
  }

  /// The index of the first byte that is not part of valid UTF-8; the count if there is none.
  static func validPrefix(_ text: UnsafeBufferPointer<UInt8>) -> Int {
    guard let base = UnsafeRawPointer(text.baseAddress) else { return 0 }
    var at = 0
    while at < text.count {
      // Checks eight bytes of ASCII at a time.
      while at + 8 <= text.count,
        base.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        at += 8
      }
      guard at < text.count else { break }
      guard case .scalar(let length) = look(text, at) else { return at }
      at += length
    }
    return at
  }

  /// Appends `text`, with U+FFFD in place of bytes that are not UTF-8.
  ///
  /// - Returns: how many bytes were read: all, or with `keepingCut` all but an unfinished last scalar.
  @discardableResult
  static func appendMended(
    _ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8], keepingCut: Bool = false
  ) -> Int {
    var at = 0
    while true {
      let valid = validPrefix(UnsafeBufferPointer(rebasing: text[at...]))
      bytes.append(contentsOf: text[at..<(at + valid)])
      at += valid
      guard at < text.count else { return at }
      switch look(text, at) {
      case .scalar(let length): at += length
      case .broken(let length):
        bytes.append(contentsOf: replacement)
        at += length
      case .cut:
        if keepingCut { return at }
        bytes.append(contentsOf: replacement)
        return text.count
      }
    }
  }
}

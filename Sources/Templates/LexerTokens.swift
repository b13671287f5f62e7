// The tokens inside of tags: numbers, names, strings, signs.
import Base

extension Lexer {
  mutating func readToken() throws(TemplateError) {
    let byte = source[at]
    let space = skippingSpace(at)
    if space > at {
      move(to: space)
    } else if Self.isDigit(byte) {
      try readNumber()
    } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
      try readString(quote: byte)
    } else if Self.isNameByte(byte) {
      var end = at
      while end < source.count, Self.isNameByte(source[end]) || Self.isDigit(source[end]) { end += 1 }
      let name = String(decoding: source[at..<end], as: UTF8.self)
      guard byte < 0x80 || name.unicodeScalars.first?.properties.isIDStart == true,
        name.unicodeScalars.allSatisfy({ $0 == "_" || $0.properties.isIDContinue })
      else { throw failure("Invalid character in identifier") }
      add(.name(name))
      move(to: end)
    } else {
      try readSign()
    }
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80
      || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
  }

  private static let signs: [(sign: Token.Sign, bytes: [UInt8])] = Token.Sign.allCases
    .map { ($0, Array($0.rawValue.utf8)) }.sorted { $0.bytes.count > $1.bytes.count }

  private mutating func readSign() throws(TemplateError) {
    guard let found = Self.signs.first(where: { source[at...].starts(with: $0.bytes) }) else {
      let rest = String(decoding: source[at..<min(source.count, at + 8)], as: UTF8.self)
      throw failure("unexpected char '\(rest.unicodeScalars.first.map(String.init) ?? "")'")
    }
    switch found.sign {
    case .leftBrace: awaited.append(UInt8(ascii: "}"))
    case .leftParenthesis: awaited.append(UInt8(ascii: ")"))
    case .leftBracket: awaited.append(UInt8(ascii: "]"))
    case .rightBrace, .rightParenthesis, .rightBracket:
      guard let expected = awaited.popLast() else { throw failure("unexpected '\(found.sign.rawValue)'") }
      guard expected == found.bytes[0] else {
        throw failure(
          "unexpected '\(found.sign.rawValue)', expected '\(Character(Unicode.Scalar(expected)))'")
      }
    default: break
    }
    add(.sign(found.sign))
    move(to: at + found.bytes.count)
  }

  // MARK: - Numbers

  /// The end of digits that single underscores may part; `place` if there are none.
  private func digits(_ place: Int, _ isDigit: (UInt8) -> Bool, leadingUnderscore: Bool = false) -> Int {
    var end = place
    var next = place
    if leadingUnderscore, next < source.count, source[next] == UInt8(ascii: "_") { next += 1 }
    while next < source.count, isDigit(source[next]) {
      end = next + 1
      next = end
      if next < source.count, source[next] == UInt8(ascii: "_") { next += 1 }
    }
    return end
  }

  private mutating func readNumber() throws(TemplateError) {
    let isAfterDot = at > 0 && source[at - 1] == UInt8(ascii: ".")
    if !isAfterDot, let end = floatEnd() {
      let text = String(decoding: source[at..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
      guard let value = Double(text) else { throw failure("not a number: \(text)") }
      add(.float(value))
      move(to: end)
      return
    }
    var radix = 10
    var end = at
    if source[at] == UInt8(ascii: "0"), at + 1 < source.count {
      switch source[at + 1] | 0x20 {
      case UInt8(ascii: "b"): radix = 2
      case UInt8(ascii: "o"): radix = 8
      case UInt8(ascii: "x"): radix = 16
      default: break
      }
      if radix != 10 {
        end = digits(
          at + 2, { Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < radix } ?? false },
          leadingUnderscore: true)
        if end == at + 2 { radix = 10 }
      }
    }
    if radix == 10 {
      let isZero = source[at] == UInt8(ascii: "0")
      end = digits(at, isZero ? { $0 == UInt8(ascii: "0") } : Self.isDigit)
    }
    let text = String(
      decoding: source[(radix == 10 ? at : at + 2)..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    guard let value = Int(text, radix: radix) else {
      throw failure("the whole number \(text) is larger than 64 bits hold")
    }
    add(.integer(value))
    move(to: end)
  }

  /// The end of a number with a fraction or an exponent; nil if there is a whole number.
  private func floatEnd() -> Int? {
    var end = digits(at, Self.isDigit)
    var isFloat = false
    if end < source.count, source[end] == UInt8(ascii: ".") {
      let fraction = digits(end + 1, Self.isDigit)
      if fraction > end + 1 {
        end = fraction
        isFloat = true
      }
    }
    if end < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
      var place = end + 1
      if place < source.count, source[place] == UInt8(ascii: "+") || source[place] == UInt8(ascii: "-") {
        place += 1
      }
      let exponent = digits(place, Self.isDigit)
      if exponent > place { return exponent }
    }
    return isFloat ? end : nil
  }

  // MARK: - Strings

  private mutating func readString(quote: UInt8) throws(TemplateError) {
    var end = at + 1
    while end < source.count, source[end] != quote { end += source[end] == UInt8(ascii: "\\") ? 2 : 1 }
    guard end < source.count else { throw failure("unexpected char \(quote == 0x22 ? "'\"'" : "\"'\"")") }
    let inner = source[(at + 1)..<end]
    add(.string(inner.contains(UInt8(ascii: "\\")) ? try unescaped(inner) : Array(inner)))
    move(to: end + 1)
  }

  /// Resolves escapes as Python's `unicode-escape` does.
  private func unescaped(_ text: ArraySlice<UInt8>) throws(TemplateError) -> [UInt8] {
    var out: [UInt8] = []
    var place = text.startIndex
    while place < text.endIndex {
      let byte = text[place]
      place += 1
      guard byte == UInt8(ascii: "\\"), place < text.endIndex else {
        out.append(byte)
        continue
      }
      let escape = text[place]
      place += 1
      switch escape {
      case 0x0A: break
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): out.append(escape)
      case UInt8(ascii: "a"): out.append(0x07)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "v"): out.append(0x0B)
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        var value = UInt32(escape - 0x30)
        var count = 1
        while count < 3, place < text.endIndex, (0x30...0x37).contains(text[place]) {
          value = value * 8 + UInt32(text[place] - 0x30)
          place += 1
          count += 1
        }
        try append(value, to: &out)
      case UInt8(ascii: "x"): try append(try hex(text, &place, 2), to: &out)
      case UInt8(ascii: "u"):
        var value = try hex(text, &place, 4)
        // Python keeps the halves of a pair apart, and cannot encode them; as one character they are what was meant.
        if (0xD800..<0xDC00).contains(value), place + 1 < text.endIndex, text[place] == UInt8(ascii: "\\"),
          text[place + 1] == UInt8(ascii: "u")
        {
          place += 2
          let low = try hex(text, &place, 4)
          if (0xDC00..<0xE000).contains(low) { value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00) }
        }
        try append(value, to: &out)
      case UInt8(ascii: "U"): try append(try hex(text, &place, 8), to: &out)
      case UInt8(ascii: "N"): throw failure("characters by name (\\N{…}) are not built in")
      default:
        out.append(UInt8(ascii: "\\"))
        out.append(escape)
      }
    }
    return out
  }

  private func hex(_ text: ArraySlice<UInt8>, _ place: inout Int, _ count: Int) throws(TemplateError)
    -> UInt32
  {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard place < text.endIndex, let digit = Character(Unicode.Scalar(text[place])).hexDigitValue else {
        throw failure("truncated \\\(count == 2 ? "xXX" : count == 4 ? "uXXXX" : "UXXXXXXXX") escape")
      }
      value = value << 4 | UInt32(digit)
      place += 1
    }
    return value
  }

  private func append(_ value: UInt32, to out: inout [UInt8]) throws(TemplateError) {
    guard let scalar = Unicode.Scalar(value) else {
      throw failure("the escape \\u{\(String(value, radix: 16))} is no character")
    }
    out.append(contentsOf: UTF8.encode(scalar)!)
  }
}

// The recursive-descent reader behind `JSON.parse`.

struct JSONParser {
  /// Deeper nesting than any real file has, shallow enough for a small stack.
  static let deepest = 200

  let text: UnsafeBufferPointer<UInt8>
  var at = 0
  /// How many more values there may be: in memory, small values take many times the space of their text.
  var left: Int

  /// See `JSON.parse`.
  let takesLargeNumbers: Bool

  init(text: UnsafeBufferPointer<UInt8>, mostValues: Int, takesLargeNumbers: Bool) {
    self.text = text
    self.takesLargeNumbers = takesLargeNumbers
    left = mostValues
  }

  typealias Failure = JSON.ParseError

  func failure(_ reason: String) -> Failure { Failure(reason: reason, offset: at) }

  mutating func whole() throws(Failure) -> JSON {
    // A byte-order mark is not JSON, but Windows editors write it.
    if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { at = 3 }
    skipSpace()
    let value = try value(depth: 0)
    skipSpace()
    guard at == text.count else { throw failure("more text after the end of the value") }
    return value
  }

  mutating func skipSpace() {
    while at < text.count {
      switch text[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
    }
  }

  func peek() throws(Failure) -> UInt8 {
    guard at < text.count else { throw failure("the text ends too early") }
    return text[at]
  }

  mutating func value(depth: Int) throws(Failure) -> JSON {
    guard depth <= Self.deepest else { throw failure("nested more than \(Self.deepest) levels deep") }
    left -= 1
    guard left >= 0 else { throw failure("more values than belong here") }
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw failure("not a JSON value")
    }
  }

  mutating func word(_ word: StaticString, _ value: JSON) throws(Failure) -> JSON {
    let length = word.utf8CodeUnitCount
    guard at + length <= text.count, (0..<length).allSatisfy({ text[at + $0] == word.utf8Start[$0] })
    else { throw failure("not a JSON value") }
    at += length
    return value
  }

  mutating func object(depth: Int) throws(Failure) -> JSON {
    at += 1
    var members: [JSON.Member] = []
    var seen: Set<[UInt8]> = []
    skipSpace()
    if try peek() == UInt8(ascii: "}") {
      at += 1
      return .object([])
    }
    while true {
      skipSpace()
      guard try peek() == UInt8(ascii: "\"") else { throw failure("a key in quotes is missing") }
      let start = at
      let key = try string()
      guard seen.insert(key).inserted else {
        at = start
        throw failure("the key \(JSON.string(Array(key.prefix(80))).encoded()) stands twice")
      }
      skipSpace()
      guard try peek() == UInt8(ascii: ":") else { throw failure("a colon is missing") }
      at += 1
      skipSpace()
      members.append(JSON.Member(key: key, value: try value(depth: depth + 1)))
      skipSpace()
      switch try peek() {
      case UInt8(ascii: ","): at += 1
      case UInt8(ascii: "}"):
        at += 1
        return .object(members)
      default: throw failure("a comma or a closing brace is missing")
      }
    }
  }

  mutating func array(depth: Int) throws(Failure) -> JSON {
    at += 1
    var elements: [JSON] = []
    skipSpace()
    if try peek() == UInt8(ascii: "]") {
      at += 1
      return .array([])
    }
    while true {
      skipSpace()
      elements.append(try value(depth: depth + 1))
      skipSpace()
      switch try peek() {
      case UInt8(ascii: ","): at += 1
      case UInt8(ascii: "]"):
        at += 1
        return .array(elements)
      default: throw failure("a comma or a closing bracket is missing")
      }
    }
  }

  mutating func number() throws(Failure) -> JSON {
    let start = at
    var whole = true
    func digit(_ index: Int) -> Bool { index < text.count && text[index] >= 0x30 && text[index] <= 0x39 }
    if text[at] == UInt8(ascii: "-") { at += 1 }
    guard digit(at) else { throw failure("not a number") }
    if text[at] == UInt8(ascii: "0"), digit(at + 1) { throw failure("a number starts with 0") }
    while digit(at) { at += 1 }
    if at < text.count, text[at] == UInt8(ascii: ".") {
      whole = false
      at += 1
      guard digit(at) else { throw failure("not a number") }
      while digit(at) { at += 1 }
    }
    if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
      whole = false
      at += 1
      if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
      guard digit(at) else { throw failure("not a number") }
      while digit(at) { at += 1 }
    }
    let digits = String(decoding: text[start..<at], as: UTF8.self)
    if whole, let value = Int(digits) { return .integer(value) }
    guard let value = Double(digits), value.isFinite || takesLargeNumbers else {
      at = start
      throw failure("a number too large")
    }
    return .number(value)
  }

  /// A string's bytes, escapes resolved, checked to be UTF-8.
  mutating func string() throws(Failure) -> [UInt8] {
    let start = at
    at += 1
    var bytes: [UInt8] = []
    var run = at
    var ascii = true
    while true {
      guard at < text.count else {
        at = start
        throw failure("a string has no end")
      }
      let byte = text[at]
      if byte == UInt8(ascii: "\"") { break }
      guard byte >= 0x20 else { throw failure("a control character in a string") }
      if byte >= 0x80 { ascii = false }
      if byte == UInt8(ascii: "\\") {
        bytes.append(contentsOf: text[run..<at])
        try escape(into: &bytes)
        run = at
      } else {
        at += 1
      }
    }
    bytes.append(contentsOf: text[run..<at])
    at += 1
    guard ascii || String(validating: bytes, as: UTF8.self) != nil else {
      at = start
      throw failure("a string that is not UTF-8")
    }
    return bytes
  }

  mutating func escape(into bytes: inout [UInt8]) throws(Failure) {
    at += 1
    let byte = try peek()
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var value = try hex4()
      if (0xD800..<0xDC00).contains(value), at + 1 < text.count, text[at] == UInt8(ascii: "\\"),
        text[at + 1] == UInt8(ascii: "u")
      {
        at += 2
        let low = try hex4()
        guard (0xDC00..<0xE000).contains(low) else { throw failure("half of a surrogate pair") }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw failure("half of a surrogate pair") }
      bytes.append(contentsOf: String(Character(scalar)).utf8)
    default: throw failure("an unknown escape")
    }
  }

  mutating func hex4() throws(Failure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue else {
        throw failure("an escape that is not \\uXXXX")
      }
      value = value << 4 | UInt32(digit)
      at += 1
    }
    return value
  }
}

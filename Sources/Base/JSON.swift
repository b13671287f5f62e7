// JSON (RFC 8259) as bytes: strings are UTF-8 bytes and objects keep their order, because Swift's
// `String` calls canonically equivalent keys equal and a vocabulary may hold both. Duplicate keys,
// invalid UTF-8 and deep nesting are refused, so a hostile file ends in one line.

/// One JSON value.
package enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string([UInt8])
  case array([JSON])
  case object([Member])

  package struct Member: Equatable, Sendable {
    package var key: [UInt8]
    package var value: JSON
    package init(key: [UInt8], value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// Why a text is not JSON, and at which byte.
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    package var reason: String
    package var offset: Int
    package var description: String { "\(reason) at byte \(offset)" }
  }
}

extension JSON {
  /// The value of a key of an object; nil if the key is absent or this is not an object.
  package subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.elementsEqual(key.utf8) }?.value
  }

  package var members: [Member]? {
    if case .object(let members) = self { members } else { nil }
  }
  package var elements: [JSON]? {
    if case .array(let elements) = self { elements } else { nil }
  }
  package var bytes: [UInt8]? {
    if case .string(let bytes) = self { bytes } else { nil }
  }
  package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }
  package var integer: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
  package var isNull: Bool { self == .null }

  /// What kind of value this is, for messages.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer: "a whole number"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }

  package static func string(_ text: String) -> JSON { .string(Array(text.utf8)) }
  package static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { Member(key: Array($0.key.utf8), value: $0.value) })
  }
  package static func object(members: [(String, JSON)]) -> JSON {
    .object(members.map { Member(key: Array($0.0.utf8), value: $0.1) })
  }

  /// Parses a whole text; anything but white space after the value is an error.
  /// - Parameter takesLargeNumbers: whether a number that no double holds becomes infinite instead of an error, for
  ///   texts of which only a part is read.
  package static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, mostValues: Int = .max, takesLargeNumbers: Bool = false
  ) throws(ParseError) -> JSON {
    var parser = JSONParser(text: bytes, mostValues: mostValues, takesLargeNumbers: takesLargeNumbers)
    return try parser.whole()
  }

  package static func parse(
    _ bytes: [UInt8], takesLargeNumbers: Bool = false
  ) throws(ParseError) -> JSON {
    let result = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(ParseError) in try parse(buffer, takesLargeNumbers: takesLargeNumbers) }
    }
    return try result.get()
  }

  package static func parse(_ text: String) throws(ParseError) -> JSON { try parse(Array(text.utf8)) }
}

extension JSON {
  /// The value as text: one line, or indented by two spaces a level.
  package func encoded(indented: Bool = false) -> String {
    var out: [UInt8] = []
    write(to: &out, indent: indented ? 0 : nil)
    return String(decoding: out, as: UTF8.self)
  }

  /// Adds the value as one line of UTF-8.
  package func write(to out: inout [UInt8]) { write(to: &out, indent: nil) }

  private func write(to out: inout [UInt8], indent: Int?) {
    func newLine(_ level: Int?) {
      guard let level else { return }
      out.append(UInt8(ascii: "\n"))
      out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }
    func comma(before index: Int) {
      if index > 0 { out.append(contentsOf: (indent == nil ? ", " : ",").utf8) }
    }
    let inner = indent.map { $0 + 1 }
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): out.append(contentsOf: String(value).utf8)
    // JSON has no NaN and no infinity; null is what readers accept.
    case .number(let value): out.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
    case .string(let bytes): JSON.quote(bytes, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        comma(before: index)
        newLine(inner)
        element.write(to: &out, indent: inner)
      }
      if !elements.isEmpty { newLine(indent) }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        comma(before: index)
        newLine(inner)
        JSON.quote(member.key, to: &out)
        out.append(contentsOf: ": ".utf8)
        member.value.write(to: &out, indent: inner)
      }
      if !members.isEmpty { newLine(indent) }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func quote(_ bytes: [UInt8], to out: inout [UInt8]) {
    if (try? UTF8Span(validating: bytes.span)) == nil {
      return quote(Array(String(decoding: bytes, as: UTF8.self).utf8), to: &out)
    }
    out.append(UInt8(ascii: "\""))
    // Runs without a letter that must be escaped are copied whole.
    var start = 0
    for (place, byte) in bytes.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
      out.append(contentsOf: bytes[start..<place])
      start = place + 1
      out.append(contentsOf: escape(byte).utf8)
    }
    out.append(contentsOf: bytes[start...])
    out.append(UInt8(ascii: "\""))
  }

  private static func escape(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\""): "\\\""
    case UInt8(ascii: "\\"): "\\\\"
    case UInt8(ascii: "\n"): "\\n"
    case UInt8(ascii: "\r"): "\\r"
    case UInt8(ascii: "\t"): "\\t"
    default: "\\u" + zeroPadded(String(byte, radix: 16), to: 4)
    }
  }
}

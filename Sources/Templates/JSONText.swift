// Values as JSON: the filter `tojson`, which transformers makes of Python's `json.dumps`.

struct JSONText {
  /// What a level is indented by; nil for one line.
  var indent: [UInt8]?
  var itemSeparator: [UInt8]
  var keySeparator: [UInt8]
  var sortsKeys: Bool
  var escapesAll: Bool
  let rendering: Rendering

  func encoded(_ value: Value) throws -> [UInt8] {
    var out: [UInt8] = []
    try write(value, level: 0, to: &out)
    return out
  }

  private func newLine(_ level: Int, to out: inout [UInt8]) throws {
    guard let indent else { return }
    try rendering.make(1 + level * indent.count)
    out.append(0x0A)
    for _ in 0..<level { out += indent }
  }

  private func write(_ value: Value, level: Int, to out: inout [UInt8]) throws {
    try rendering.make(8)
    switch value {
    case .none: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .integer(let value): out += String(value).utf8
    case .float(let value): out += Self.number(value).utf8
    case .string(let bytes): try quote(bytes, to: &out)
    case .list(let list), .tuple(let list):
      out.append(UInt8(ascii: "["))
      for (place, element) in list.elements.enumerated() {
        if place > 0 { out += itemSeparator }
        try newLine(level + 1, to: &out)
        try write(element, level: level + 1, to: &out)
      }
      if !list.elements.isEmpty { try newLine(level, to: &out) }
      out.append(UInt8(ascii: "]"))
    case .dict(let dict): try write(dict, level: level, to: &out)
    case .undefined, .object:
      throw PythonError("Object of type \(value.typeName) is not JSON serializable")
    }
  }

  private func write(_ dict: Dict, level: Int, to out: inout [UInt8]) throws {
    var places = Array(0..<dict.count)
    if sortsKeys { try places.sortStably(rendering) { try dict.keys[$0].compare(.less, dict.keys[$1]) } }
    out.append(UInt8(ascii: "{"))
    for (number, place) in places.enumerated() {
      if number > 0 { out += itemSeparator }
      try newLine(level + 1, to: &out)
      switch dict.keys[place] {
      case .string(let key): try quote(key, to: &out)
      case .none: out += "\"null\"".utf8
      case .bool(let key): out += (key ? "\"true\"" : "\"false\"").utf8
      case .integer(let key): out += "\"\(key)\"".utf8
      case .float(let key): out += "\"\(Self.number(key))\"".utf8
      default:
        throw PythonError("keys must be str, int, float, bool or None, not \(dict.keys[place].typeName)")
      }
      out += keySeparator
      try write(dict.values[place], level: level + 1, to: &out)
    }
    if dict.count > 0 { try newLine(level, to: &out) }
    out.append(UInt8(ascii: "}"))
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return PythonFloat.representation(value)
  }

  private func quote(_ text: [UInt8], to out: inout [UInt8]) throws {
    try rendering.make(text.count)
    out.append(UInt8(ascii: "\""))
    if escapesAll, !PythonText.isASCII(text) {
      for unit in String(decoding: text, as: UTF8.self).utf16 {
        if unit < 0x7F {
          escape(UInt8(unit), to: &out)
        } else {
          out += ("\\u" + Value.hex(UInt32(unit), 4)).utf8
        }
      }
    } else {
      for byte in text {
        if byte == 0x7F, escapesAll { out += "\\u007f".utf8 } else { escape(byte, to: &out) }
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  private func escape(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""): out += [0x5C, byte]
    case UInt8(ascii: "\\"): out += [0x5C, byte]
    case 0x0A: out += "\\n".utf8
    case 0x0D: out += "\\r".utf8
    case 0x09: out += "\\t".utf8
    case 0x08: out += "\\b".utf8
    case 0x0C: out += "\\f".utf8
    case ..<0x20: out += ("\\u" + Value.hex(UInt32(byte), 4)).utf8
    default: out.append(byte)
    }
  }
}

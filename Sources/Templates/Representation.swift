// Values as text: Python's `str` and `repr`.

extension Value {
  /// What Python's `str` gives, which is what a template prints.
  func text(_ rendering: Rendering) throws -> [UInt8] {
    switch self {
    case .string(let bytes): return bytes
    case .undefined(let undefined):
      try undefined.use()
      return []
    case .integer(let value): return Array(String(value).utf8)
    default: return try representation(rendering)
    }
  }

  /// What Python's `repr` gives.
  func representation(_ rendering: Rendering) throws -> [UInt8] {
    var out: [UInt8] = []
    try represent(to: &out, rendering)
    return out
  }

  /// The same for a message: cut where it is long.
  var shortRepresentation: String {
    switch self {
    case .list, .tuple, .dict: return "a \(typeName)"
    default:
      guard let rendering = try? Rendering() else { return typeName }
      return String(decoding: (try? representation(rendering)) ?? [], as: UTF8.self).printable(80)
    }
  }

  private func represent(to out: inout [UInt8], _ rendering: Rendering) throws {
    switch self {
    case .undefined(let undefined):
      try undefined.use()
      out += "Undefined".utf8
    case .none: out += "None".utf8
    case .bool(let value): out += (value ? "True" : "False").utf8
    case .integer(let value): out += String(value).utf8
    case .float(let value): out += PythonFloat.representation(value).utf8
    case .string(let bytes):
      try rendering.make(bytes.count)
      Self.quote(bytes, to: &out)
    case .list(let list): try represent(list.elements, "[", "]", to: &out, rendering)
    case .tuple(let list):
      try represent(list.elements, "(", list.elements.count == 1 ? ",)" : ")", to: &out, rendering)
    case .dict(let dict):
      out.append(UInt8(ascii: "{"))
      for place in 0..<dict.count {
        try rendering.make(4)
        if place > 0 { out += ", ".utf8 }
        try dict.keys[place].represent(to: &out, rendering)
        out += ": ".utf8
        try dict.values[place].represent(to: &out, rendering)
      }
      out.append(UInt8(ascii: "}"))
    case .object(let object):
      let text = try object.representation(rendering)
      try rendering.make(text.count)
      out += text
    }
  }

  private func represent(
    _ elements: [Value], _ open: String, _ close: String, to out: inout [UInt8], _ rendering: Rendering
  ) throws {
    out += open.utf8
    for (place, element) in elements.enumerated() {
      try rendering.make(4)
      if place > 0 { out += ", ".utf8 }
      try element.represent(to: &out, rendering)
    }
    out += close.utf8
  }

  /// Python's quoting: single quotes, unless the text has some and no double ones.
  static func quote(_ text: [UInt8], to out: inout [UInt8]) {
    let single = UInt8(ascii: "'")
    let double = UInt8(ascii: "\"")
    let quote = text.contains(single) && !text.contains(double) ? double : single
    out.append(quote)
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x5C, UInt32(quote): out += [0x5C, UInt8(scalar.value)]
      case 0x0A: out += "\\n".utf8
      case 0x0D: out += "\\r".utf8
      case 0x09: out += "\\t".utf8
      case 0x20..<0x7F: out.append(UInt8(scalar.value))
      case ..<0x80: out += ("\\x" + hex(scalar.value, 2)).utf8
      default:
        if isPrintable(scalar) {
          PythonText.append(scalar, to: &out)
        } else if scalar.value < 0x100 {
          out += ("\\x" + hex(scalar.value, 2)).utf8
        } else if scalar.value < 0x10000 {
          out += ("\\u" + hex(scalar.value, 4)).utf8
        } else {
          out += ("\\U" + hex(scalar.value, 8)).utf8
        }
      }
    }
    out.append(quote)
  }

  static func hex(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: scalar == " "
    default: true
    }
  }
}

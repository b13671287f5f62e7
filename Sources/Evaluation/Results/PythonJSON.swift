// JSON as Python's `json.dumps(…, indent=2, ensure_ascii=False)` writes it, for hashes that are those of the harness.
import Base
import Digests
import Templates

enum PythonJSON {
  static func indented(_ json: JSON) -> [UInt8] {
    var out: [UInt8] = []
    write(json, 0, to: &out)
    return out
  }

  /// SHA-256 in hexadecimal digits.
  static func hash(_ bytes: [UInt8]) -> String { hexadecimal(SHA256.hash(bytes)) }

  private static func newLine(_ level: Int, to out: inout [UInt8]) {
    out.append(0x0A)
    out.append(contentsOf: repeatElement(0x20, count: 2 * level))
  }

  private static func write(_ json: JSON, _ level: Int, to out: inout [UInt8]) {
    switch json {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .integer(let value): out += String(value).utf8
    case .number(let value):
      out +=
        (value.isNaN
        ? "NaN"
        : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : PythonFloat.representation(value)).utf8
    case .string(let bytes): quote(bytes, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (place, element) in elements.enumerated() {
        if place > 0 { out.append(UInt8(ascii: ",")) }
        newLine(level + 1, to: &out)
        write(element, level + 1, to: &out)
      }
      if !elements.isEmpty { newLine(level, to: &out) }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      for (place, member) in members.enumerated() {
        if place > 0 { out.append(UInt8(ascii: ",")) }
        newLine(level + 1, to: &out)
        quote(member.key, to: &out)
        out += ": ".utf8
        write(member.value, level + 1, to: &out)
      }
      if !members.isEmpty { newLine(level, to: &out) }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func quote(_ bytes: [UInt8], to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""): out += "\\\"".utf8
      case UInt8(ascii: "\\"): out += "\\\\".utf8
      case 0x0A: out += "\\n".utf8
      case 0x0D: out += "\\r".utf8
      case 0x09: out += "\\t".utf8
      case 0x08: out += "\\b".utf8
      case 0x0C: out += "\\f".utf8
      case 0..<0x20: out += ("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)).utf8
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}

// Python's literals: what `ast.literal_eval` reads and `str` writes.
import Base

package enum PythonLiteral {
  /// What `str` of Python gives for a value of JSON.
  package static func text(_ json: JSON) -> [UInt8] {
    guard let rendering = try? Rendering(), let value = try? Value(json) else { return [] }
    return (try? value.text(rendering)) ?? []
  }

  /// The value of a literal: texts, numbers, lists, tuples (as lists), dicts with texts as keys, `True`, `False`, `None`.
  /// - Returns: nil where the text is no such literal.
  package static func parse(_ text: [UInt8]) -> JSON? {
    var parser = PythonLiteralParser(text)
    return parser.whole()
  }
}

private struct PythonLiteralParser {
  private let text: [UInt8]
  private var at = 0
  private var depth = 0

  init(_ text: [UInt8]) { self.text = text }

  mutating func whole() -> JSON? {
    guard let value = value() else { return nil }
    skipSpace()
    return at == text.count ? value : nil
  }

  private mutating func skipSpace() {
    while at < text.count, text[at] == 0x20 || (0x09...0x0D).contains(text[at]) { at += 1 }
  }

  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    skipSpace()
    guard at < text.count, text[at] == UInt8(ascii: sign) else { return false }
    at += 1
    return true
  }

  private mutating func value() -> JSON? {
    depth += 1
    defer { depth -= 1 }
    guard depth < 100 else { return nil }
    skipSpace()
    guard at < text.count else { return nil }
    switch text[at] {
    case UInt8(ascii: "["):
      at += 1
      return elements(until: "]").map { .array($0.values) }
    case UInt8(ascii: "("):
      at += 1
      guard let (values, hasComma) = elements(until: ")") else { return nil }
      return values.count == 1 && !hasComma ? values[0] : .array(values)
    case UInt8(ascii: "{"):
      at += 1
      return dict()
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return strings()
    default: return word()
    }
  }

  private mutating func elements(until end: Unicode.Scalar) -> (values: [JSON], hasComma: Bool)? {
    var (values, hasComma) = ([JSON](), false)
    while !take(end) {
      guard values.isEmpty || hasComma, let value = value() else { return nil }
      values.append(value)
      hasComma = take(",")
    }
    return (values, hasComma)
  }

  private mutating func dict() -> JSON? {
    var members: [JSON.Member] = []
    var goesOn = true
    while !take("}") {
      guard goesOn, let key = value()?.bytes, take(":"), let value = value() else { return nil }
      members.removeAll { $0.key == key }
      members.append(JSON.Member(key: key, value: value))
      goesOn = take(",")
    }
    return .object(members)
  }

  /// Texts that stand beside each other are one.
  private mutating func strings() -> JSON? {
    var all: [UInt8] = []
    repeat {
      guard let part = string() else { return nil }
      all += part
      skipSpace()
    } while at < text.count && (text[at] == UInt8(ascii: "'") || text[at] == UInt8(ascii: "\""))
    return .string(all)
  }

  private mutating func string() -> [UInt8]? {
    let quote = text[at]
    let isLong = text[at...].starts(with: [quote, quote, quote])
    at += isLong ? 3 : 1
    var out: [UInt8] = []
    while at < text.count {
      let byte = text[at]
      if byte == quote, !isLong || text[at...].starts(with: [quote, quote, quote]) {
        at += isLong ? 3 : 1
        return out
      }
      if byte == 0x0A, !isLong { return nil }
      at += 1
      guard byte == UInt8(ascii: "\\") else {
        out.append(byte)
        continue
      }
      guard escape(to: &out) else { return nil }
    }
    return nil
  }

  private mutating func escape(to out: inout [UInt8]) -> Bool {
    guard at < text.count else { return false }
    let letter = text[at]
    at += 1
    switch letter {
    case 0x0A: break
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "a"): out.append(0x07)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "v"): out.append(0x0B)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): out.append(letter)
    case UInt8(ascii: "x"): return number(2, radix: 16, to: &out)
    case UInt8(ascii: "u"): return number(4, radix: 16, to: &out)
    case UInt8(ascii: "U"): return number(8, radix: 16, to: &out)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      at -= 1
      var count = 0
      while count < 3, at + count < text.count, (0x30...0x37).contains(text[at + count]) { count += 1 }
      return number(count, radix: 8, to: &out)
    default: out += [UInt8(ascii: "\\"), letter]
    }
    return true
  }

  private mutating func number(_ digits: Int, radix: Int, to out: inout [UInt8]) -> Bool {
    guard at + digits <= text.count,
      let value = UInt32(String(decoding: text[at..<at + digits], as: UTF8.self), radix: radix),
      let scalar = Unicode.Scalar(value)
    else { return false }
    at += digits
    PythonText.append(scalar, to: &out)
    return true
  }

  private mutating func word() -> JSON? {
    let start = at
    while at < text.count, !" \t\r\n,]})(:".utf8.contains(text[at]) { at += 1 }
    let word = String(decoding: text[start..<at], as: UTF8.self)
    switch word {
    case "True": return .bool(true)
    case "False": return .bool(false)
    case "None": return .null
    default: break
    }
    let digits = word.replacing("_", with: "")
    guard word.utf8.allSatisfy({ $0 < 0x80 }), word.contains(where: \.isNumber),
      digits.last != "." || digits.count > 1
    else { return nil }
    if let whole = Int(digits) {
      // Python knows no numbers that begin with zeros.
      let bare = digits.drop { $0 == "-" || $0 == "+" }
      return bare.count > 1 && bare.first == "0" && whole != 0 ? nil : .integer(whole)
    }
    let sign = digits.drop { $0 == "-" || $0 == "+" }
    guard sign.first.map({ $0.isNumber || $0 == "." }) == true, !digits.lowercased().contains("x"),
      let value = Double(digits.last == "." ? digits + "0" : digits)
    else { return nil }
    return .number(value)
  }
}

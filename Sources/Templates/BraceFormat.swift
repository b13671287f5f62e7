// Python's `str.format`: `{}`, `{0}`, `{name.a[b]!r:>10}`.

struct BraceFormat {
  private let call: Call
  private let rendering: Rendering
  private var nextArgument = 0
  private var usesNumbers = false

  static func format(_ format: [UInt8], _ call: Call, _ rendering: Rendering) throws -> [UInt8] {
    var formatter = BraceFormat(call: call, rendering: rendering)
    return try formatter.formatted(format[...], depth: 2)
  }

  private init(call: Call, rendering: Rendering) {
    self.call = call
    self.rendering = rendering
  }

  private mutating func formatted(_ format: ArraySlice<UInt8>, depth: Int) throws -> [UInt8] {
    guard depth >= 0 else { throw PythonError("Max string recursion exceeded") }
    var out: [UInt8] = []
    var at = format.startIndex
    while at < format.endIndex {
      let byte = format[at]
      at += 1
      let isDoubled = at < format.endIndex && format[at] == byte
      switch byte {
      case UInt8(ascii: "{") where isDoubled, UInt8(ascii: "}") where isDoubled:
        out.append(byte)
        at += 1
      case UInt8(ascii: "}"): throw PythonError("Single '}' encountered in format string")
      case UInt8(ascii: "{"):
        var end = at
        var open = 1
        while end < format.endIndex {
          if format[end] == UInt8(ascii: "{") { open += 1 }
          if format[end] == UInt8(ascii: "}") {
            open -= 1
            if open == 0 { break }
          }
          end += 1
        }
        guard open == 0 else {
          throw PythonError(
            at == format.endIndex
              ? "Single '{' encountered in format string" : "expected '}' before end of string")
        }
        let field = try field(format[at..<end], depth: depth)
        try rendering.make(field.count)
        out += field
        at = end + 1
      default: out.append(byte)
      }
    }
    try rendering.make(format.count)
    return out
  }

  private mutating func field(_ field: ArraySlice<UInt8>, depth: Int) throws -> [UInt8] {
    var nameEnd = field.startIndex
    var isInBrackets = false
    while nameEnd < field.endIndex {
      let byte = field[nameEnd]
      if byte == UInt8(ascii: "[") { isInBrackets = true }
      if byte == UInt8(ascii: "]") { isInBrackets = false }
      if !isInBrackets, byte == UInt8(ascii: ":") || byte == UInt8(ascii: "!") { break }
      nameEnd += 1
    }
    var value = try self.value(field[..<nameEnd])
    var at = nameEnd
    if at < field.endIndex, field[at] == UInt8(ascii: "!") {
      guard at + 1 < field.endIndex else {
        throw PythonError("end of string while looking for conversion specifier")
      }
      switch field[at + 1] {
      case UInt8(ascii: "s"): value = .string(try value.text(rendering))
      case UInt8(ascii: "r"): value = .string(try value.representation(rendering))
      default: throw PythonError("Unknown conversion specifier '\(Character(Unicode.Scalar(field[at + 1])))'")
      }
      at += 2
      guard at == field.endIndex || field[at] == UInt8(ascii: ":") else {
        throw PythonError("expected ':' after conversion specifier")
      }
    }
    let spec = at < field.endIndex ? try formatted(field[(at + 1)...], depth: depth - 1) : []
    return try FormatSpec(spec).apply(to: value, rendering)
  }

  /// The value of a field's name: an argument, and what lies in it.
  private mutating func value(_ name: ArraySlice<UInt8>) throws -> Value {
    let end = name.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") } ?? name.endIndex
    var value = try argument(String(decoding: name[..<end], as: UTF8.self))
    var at = end
    while at < name.endIndex {
      if name[at] == UInt8(ascii: ".") {
        let stop =
          name[(at + 1)...].firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") } ?? name.endIndex
        guard stop > at + 1 else { throw PythonError("Empty attribute in format string") }
        value = try AttributeName(String(decoding: name[(at + 1)..<stop], as: UTF8.self)).read(
          value, rendering)
        at = stop
      } else if name[at] == UInt8(ascii: "["), let stop = name[at...].firstIndex(of: UInt8(ascii: "]")) {
        let key = Array(name[(at + 1)..<stop])
        guard !key.isEmpty else { throw PythonError("Empty attribute in format string") }
        let number = key.allSatisfy(Lexer.isDigit) ? Int(String(decoding: key, as: UTF8.self)) : nil
        value = try value.item(number.map { .integer($0) } ?? .string(key), rendering)
        at = stop + 1
      } else {
        throw PythonError("Only '.' or '[' may follow ']' in format field specifier")
      }
    }
    return value
  }

  private mutating func argument(_ name: String) throws -> Value {
    let isNumber = !name.isEmpty && name.utf8.allSatisfy(Lexer.isDigit)
    if name.isEmpty || isNumber {
      if name.isEmpty ? usesNumbers : nextArgument > 0 {
        throw PythonError(
          name.isEmpty
            ? "cannot switch from manual field specification to automatic field numbering"
            : "cannot switch from automatic field numbering to manual field specification")
      }
      usesNumbers = isNumber
      let number = isNumber ? Int(name) ?? .max : nextArgument
      if !isNumber { nextArgument += 1 }
      guard number < call.positional.count else {
        throw PythonError("Replacement index \(number) out of range for positional args tuple")
      }
      return call.positional[number]
    }
    guard let value = call.named.first(where: { $0.name == name })?.value else {
      throw PythonError("'\(name)'")
    }
    return value
  }
}

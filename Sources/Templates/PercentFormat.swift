// Python's `%` on texts, and the filter `format`.

struct PercentFormat {
  private let format: [UInt8]
  private var at = 0
  private let values: Value
  private var nextArgument = 0
  private let rendering: Rendering
  private var out: [UInt8] = []

  static func format(_ format: [UInt8], _ values: Value, _ rendering: Rendering) throws -> [UInt8] {
    var formatter = PercentFormat(format: format, values: values, rendering: rendering)
    return try formatter.formatted()
  }

  private init(format: [UInt8], values: Value, rendering: Rendering) {
    self.format = format
    self.values = values
    self.rendering = rendering
  }

  private mutating func argument() throws -> Value {
    defer { nextArgument += 1 }
    if case .tuple(let list) = values {
      guard nextArgument < list.elements.count else {
        throw PythonError("not enough arguments for format string")
      }
      return list.elements[nextArgument]
    }
    guard nextArgument == 0 else { throw PythonError("not enough arguments for format string") }
    return values
  }

  private mutating func formatted() throws -> [UInt8] {
    while at < format.count {
      let byte = format[at]
      at += 1
      guard byte == UInt8(ascii: "%") else {
        out.append(byte)
        continue
      }
      try conversion()
    }
    let isUsedUp: Bool
    switch values {
    case .tuple(let list): isUsedUp = nextArgument >= list.elements.count
    // Python takes everything that has elements by a key for named arguments, of which some may be left.
    case .dict, .list, .undefined: isUsedUp = true
    case .object(let object) where object.isSequence: isUsedUp = true
    default: isUsedUp = nextArgument > 0
    }
    guard isUsedUp else { throw PythonError("not all arguments converted during string formatting") }
    try rendering.make(out.count)
    return out
  }

  private func next() throws -> UInt8 {
    guard at < format.count else { throw PythonError("incomplete format") }
    return format[at]
  }

  private mutating func number(_ most: Int) throws -> Int? {
    if try next() == UInt8(ascii: "*") {
      at += 1
      guard let value = try argument().index else { throw PythonError("* wants int") }
      guard value.magnitude <= most else { throw PythonError("width too big") }
      return value
    }
    var value: Int?
    while Lexer.isDigit(try next()) {
      value = (value ?? 0) * 10 + Int(try next() - 0x30)
      guard value! <= most else { throw PythonError("width or precision too big") }
      at += 1
    }
    return value
  }

  private mutating func conversion() throws {
    var layout = NumberFormat()
    var named: Value?
    if try next() == UInt8(ascii: "(") { named = try namedArgument() }
    var isLeft = false
    var isZero = false
    flags: while true {
      switch try next() {
      case UInt8(ascii: "-"): isLeft = true
      case UInt8(ascii: "0"): isZero = true
      case UInt8(ascii: "+"): layout.sign = "+"
      case UInt8(ascii: " "): if layout.sign != "+" { layout.sign = " " }
      case UInt8(ascii: "#"): layout.isAlternate = true
      default: break flags
      }
      at += 1
    }
    if let width = try number(NumberFormat.widest) {
      layout.width = abs(width)
      if width < 0 { isLeft = true }
    }
    if try next() == UInt8(ascii: ".") {
      at += 1
      layout.precision = max(0, try number(NumberFormat.widest) ?? 0)
    }
    while [UInt8(ascii: "l"), UInt8(ascii: "h"), UInt8(ascii: "L")].contains(try next()) { at += 1 }
    let type = Character(Unicode.Scalar(try next()))
    at += 1
    if type == "%" {
      out.append(UInt8(ascii: "%"))
      return
    }
    let value = try named ?? argument()
    layout.alignment = isLeft ? "<" : isZero && !"srac".contains(type) ? "=" : ">"
    if layout.alignment == "=" { layout.fill = [UInt8(ascii: "0")] }
    out += try text(of: value, type, layout)
  }

  private mutating func namedArgument() throws -> Value {
    at += 1
    let start = at
    var depth = 1
    while depth > 0 {
      guard at < format.count else { throw PythonError("incomplete format key") }
      if format[at] == UInt8(ascii: "(") { depth += 1 }
      if format[at] == UInt8(ascii: ")") { depth -= 1 }
      at += 1
    }
    guard case .dict(let dict) = values else { throw PythonError("format requires a mapping") }
    let key = Array(format[start..<(at - 1)])
    guard let value = dict[key] else { throw PythonError(Value.string(key).shortRepresentation) }
    return value
  }

  private func text(of value: Value, _ type: Character, _ layout: NumberFormat) throws -> [UInt8] {
    switch type {
    case "s", "r", "a":
      let full = type == "s" ? try value.text(rendering) : try value.representation(rendering)
      guard type != "a" || PythonText.isASCII(full) else { throw PythonError("%a is not built in") }
      let text = layout.precision.map { Array(full[..<PythonText.place(full, ofCharacter: $0)]) } ?? full
      let padding = max(0, layout.width - PythonText.count(text))
      let isLeft = layout.alignment == "<"
      return try PythonText.padded(
        text, before: isLeft ? 0 : padding, after: isLeft ? padding : 0, [0x20], rendering)
    case "c":
      var text: [UInt8]
      if case .string(let bytes) = value, PythonText.count(bytes) == 1 {
        text = bytes
      } else if let index = value.index, let scalar = UInt32(exactly: index).flatMap(Unicode.Scalar.init) {
        text = PythonText.bytes([scalar])
      } else {
        throw PythonError("%c requires int or char")
      }
      let padding = max(0, layout.width - 1)
      text = try PythonText.padded(
        text, before: layout.alignment == "<" ? 0 : padding, after: layout.alignment == "<" ? padding : 0,
        [0x20],
        rendering)
      return text
    case "d", "i", "u", "o", "x", "X":
      try value.defined()
      let isDecimal = "diu".contains(type)
      var number = value.index
      if number == nil, isDecimal, case .float(let float) = value { number = try PythonText.integer(float) }
      guard let number else {
        throw PythonError(
          "%\(type) format: \(isDecimal ? "a real number" : "an integer") is required, not \(value.typeName)")
      }
      let radix = isDecimal ? 10 : type == "o" ? 8 : 16
      var digits = String(number.magnitude, radix: radix, uppercase: type == "X")
      if let precision = layout.precision, precision > digits.count {
        try rendering.make(precision)
        digits = String(repeating: "0", count: precision - digits.count) + digits
      }
      let prefix = !layout.isAlternate || isDecimal ? "" : type == "o" ? "0o" : "0\(type)"
      return try layout.laidOut(digits, isNegative: number < 0, prefix: prefix, rendering)
    case "e", "E", "f", "F", "g", "G":
      try value.defined()
      guard let number = value.number else {
        throw PythonError("must be real number, not \(value.typeName)")
      }
      guard layout.precision ?? 0 <= NumberFormat.mostPrecise else { throw PythonError("precision too big") }
      var layout = layout
      if !number.isFinite, layout.alignment == "=" { (layout.alignment, layout.fill) = (">", [0x20]) }
      return try layout.laidOut(
        layout.digits(number, type: type), isNegative: number.sign == .minus && !number.isNaN, rendering)
    default: throw PythonError("unsupported format character '\(type)'")
    }
  }
}

extension PythonText {
  /// A floating-point number as a whole one, towards zero.
  static func integer(_ value: Double) throws -> Int {
    guard !value.isNaN else { throw PythonError("cannot convert float NaN to integer") }
    guard value.isFinite else { throw PythonError("cannot convert float infinity to integer") }
    guard let whole = Int(exactly: value.rounded(.towardZero)) else { throw PythonInteger.overflow }
    return whole
  }
}

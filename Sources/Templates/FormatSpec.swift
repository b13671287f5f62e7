// Python's format specifications: what stands behind the colon in `{:>10.2f}`.

struct FormatSpec {
  private var layout = NumberFormat()
  private var type: Character?
  private let isEmpty: Bool

  init(_ spec: [UInt8]) throws {
    isEmpty = spec.isEmpty
    let characters = PythonText.scalars(spec)
    var at = 0
    func alignment(_ place: Int) -> Character? {
      place < characters.count && "<>=^".unicodeScalars.contains(characters[place])
        ? Character(characters[place]) : nil
    }
    if let found = alignment(1) {
      layout.fill = PythonText.bytes([characters[0]])
      layout.alignment = found
      at = 2
    } else if let found = alignment(0) {
      layout.alignment = found
      at = 1
    }
    func take(_ options: String) -> Character? {
      guard at < characters.count, options.unicodeScalars.contains(characters[at]) else { return nil }
      defer { at += 1 }
      return Character(characters[at])
    }
    func number(_ most: Int) throws -> Int? {
      var value: Int?
      while let digit = take("0123456789")?.wholeNumberValue {
        value = (value ?? 0) * 10 + digit
        if value! > most { throw PythonError("Too many decimal digits in format string") }
      }
      return value
    }
    if let sign = take("+- ") { layout.sign = sign }
    layout.isAlternate = take("#") != nil
    if take("0") != nil, layout.alignment == nil {
      layout.fill = [UInt8(ascii: "0")]
      layout.alignment = "="
    }
    layout.width = try number(NumberFormat.widest) ?? 0
    layout.grouping = take(",_")?.asciiValue
    if take(".") != nil {
      guard let precision = try number(NumberFormat.widest) else {
        throw PythonError("Format specifier missing precision")
      }
      layout.precision = precision
    }
    if at < characters.count {
      type = Character(characters[at])
      at += 1
    }
    guard at == characters.count else { throw PythonError("Invalid format specifier") }
  }

  func apply(to value: Value, _ rendering: Rendering) throws -> [UInt8] {
    if isEmpty { return try value.text(rendering) }
    switch value {
    case .string(let text): return try apply(toText: text, rendering)
    case .integer, .bool:
      if let type, "eEfFgG%".contains(type) { return try apply(toFloat: value.number!, rendering) }
      return try apply(toInteger: value.index!, rendering)
    case .float(let number): return try apply(toFloat: number, rendering)
    case .undefined: throw PythonError("unsupported format string passed to Undefined.__format__")
    default: throw PythonError("unsupported format string passed to \(value.typeName).__format__")
    }
  }

  private func unknown(_ typeName: String) -> PythonError {
    PythonError("Unknown format code '\(type ?? " ")' for object of type '\(typeName)'")
  }

  private func apply(toText text: [UInt8], _ rendering: Rendering) throws -> [UInt8] {
    guard type == nil || type == "s" else { throw unknown("str") }
    if layout.sign != "-" { throw PythonError("Sign not allowed in string format specifier") }
    if layout.alignment == "=", layout.fill != [UInt8(ascii: "0")] {
      throw PythonError("'=' alignment not allowed in string format specifier")
    }
    let cut = layout.precision.map { Array(text[..<PythonText.place(text, ofCharacter: $0)]) } ?? text
    let padding = max(0, layout.width - PythonText.count(cut))
    let before = layout.alignment == ">" ? padding : layout.alignment == "^" ? padding / 2 : 0
    return try PythonText.padded(cut, before: before, after: padding - before, layout.fill, rendering)
  }

  private func apply(toInteger value: Int, _ rendering: Rendering) throws -> [UInt8] {
    if layout.precision != nil { throw PythonError("Precision not allowed in integer format specifier") }
    let radix: Int
    switch type {
    case nil, "d", "n": radix = 10
    case "b": radix = 2
    case "o": radix = 8
    case "x", "X": radix = 16
    case "c":
      guard let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) else {
        throw PythonError("%c arg not in range(0x110000)")
      }
      var copy = self
      copy.type = nil
      if copy.layout.alignment == nil { copy.layout.alignment = "<" }
      return try copy.apply(toText: PythonText.bytes([scalar]), rendering)
    default: throw unknown("int")
    }
    if layout.grouping == UInt8(ascii: ","), radix != 10 {
      throw PythonError("Cannot specify ',' with '\(type!)'.")
    }
    let digits = String(value.magnitude, radix: radix, uppercase: type == "X")
    let prefix = layout.isAlternate && radix != 10 ? "0\(type!)" : ""
    return try layout.laidOut(
      digits, isNegative: value < 0, prefix: prefix, group: radix == 10 ? 3 : 4, rendering)
  }

  private func apply(toFloat value: Double, _ rendering: Rendering) throws -> [UInt8] {
    guard layout.precision ?? 0 <= NumberFormat.mostPrecise else { throw PythonError("precision too big") }
    let isNegative = value.sign == .minus && !value.isNaN
    var digits: String
    switch type {
    case nil where layout.precision == nil: digits = PythonFloat.representation(value.magnitude)
    case nil:
      // As g, but with a digit behind the point at least.
      digits = layout.digits(value, type: "g")
      if !digits.contains("."), !digits.contains("e"), value.isFinite { digits += ".0" }
    case "n": digits = layout.digits(value, type: "g")
    case .some(let type) where "eEfFgG%".contains(type): digits = layout.digits(value, type: type)
    default: throw unknown("float")
    }
    return try layout.laidOut(digits, isNegative: isNegative, rendering)
  }
}

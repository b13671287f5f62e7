// Numbers with a sign, a width and a precision, as both of Python's ways to format texts write them.

struct NumberFormat {
  var sign: Character = "-"
  var isAlternate = false
  var width = 0
  var precision: Int?
  /// `,` or `_` between groups of digits.
  var grouping: UInt8?
  /// `<`, `>`, `^`, or `=` for filling behind the sign.
  var alignment: Character?
  var fill: [UInt8] = [0x20]

  /// What Python takes as a width or precision; larger ones make no sense in a chat.
  static let widest = 1_000_000
  static let mostPrecise = 1_000

  /// - Parameters:
  ///   - magnitude: digits without a sign.
  ///   - prefix: such as `0x`.
  func laidOut(
    _ magnitude: String, isNegative: Bool, prefix: String = "", defaultAlignment: Character = ">",
    group: Int = 3,
    _ rendering: Rendering
  ) throws -> [UInt8] {
    let head = Array(((isNegative ? "-" : sign == "-" ? "" : String(sign)) + prefix).utf8)
    var digits = Array(magnitude.utf8)
    let alignment = alignment ?? defaultAlignment
    if let grouping {
      let end =
        digits.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "%") }
        ?? digits.count
      var whole = Array(digits[..<end])
      if alignment == "=", fill == [UInt8(ascii: "0")] {
        // Python groups the zeros that fill the width, too.
        let room = width - head.count - (digits.count - end)
        while whole.count + (whole.count - 1) / group < room { whole.insert(UInt8(ascii: "0"), at: 0) }
      }
      var grouped: [UInt8] = []
      for (place, digit) in whole.enumerated() {
        if place > 0, (whole.count - place) % group == 0 { grouped.append(grouping) }
        grouped.append(digit)
      }
      digits = grouped + digits[end...]
    }
    let padding = max(0, width - head.count - digits.count)
    switch alignment {
    case "=":
      return head + (try PythonText.padded(digits, before: padding, after: 0, fill, rendering))
    case "<": return try PythonText.padded(head + digits, before: 0, after: padding, fill, rendering)
    case "^":
      return try PythonText.padded(
        head + digits, before: padding / 2, after: padding - padding / 2, fill, rendering)
    default: return try PythonText.padded(head + digits, before: padding, after: 0, fill, rendering)
    }
  }

  /// The digits of a floating-point number as one of e, E, f, F, g, G and %.
  func digits(_ value: Double, type: Character) -> String {
    let magnitude = value.magnitude
    guard magnitude.isFinite else {
      let word = magnitude.isNaN ? "nan" : "inf"
      return (type.isUppercase ? word.uppercased() : word) + (type == "%" ? "%" : "")
    }
    let precision = precision ?? 6
    switch type {
    case "%": return PythonFloat.format("%.*f", precision: precision, magnitude * 100) + "%"
    case "f", "F": return PythonFloat.format(isAlternate ? "%#.*f" : "%.*f", precision: precision, magnitude)
    case "e", "E":
      return PythonFloat.format(
        (isAlternate ? "%#.*" : "%.*") + String(type), precision: precision, magnitude)
    default:
      return PythonFloat.format(
        (isAlternate ? "%#.*" : "%.*") + String(type), precision: precision, magnitude)
    }
  }
}

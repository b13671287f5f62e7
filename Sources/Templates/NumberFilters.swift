// Filters of numbers.
import Foundation

enum NumberFilters {
  nonisolated(unsafe) static let all: [String: Filter] = [
    "abs": { value, call, _ in
      try call.checkEmpty()
      if let number = value.index { return .integer(number < 0 ? try 0.minus(number) : number) }
      if case .float(let number) = value { return .float(number.magnitude) }
      try value.defined()
      throw PythonError("bad operand type for abs(): '\(value.typeName)'")
    },
    "int": { value, call, _ in
      let arguments = try call.bound("default", "base")
      let fallback = arguments[0] ?? .integer(0)
      switch value {
      case .integer, .bool: return .integer(value.index!)
      case .float(let number):
        // Python's first attempt at an infinity raises what Jinja does not catch.
        if number.isInfinite { return .integer(try PythonText.integer(number)) }
        return number.isNaN ? fallback : .integer(try PythonText.integer(number))
      case .string(let text):
        // Jinja takes what is no base for a text that is no number.
        if arguments[1].map({ $0.index != nil }) ?? true,
          let number = try PythonInteger.parse(text, base: arguments[1].integer() ?? 10)
        {
          return .integer(number)
        }
        guard let number = PythonFloat.parse(text), number.isFinite else { return fallback }
        return .integer(try PythonText.integer(number))
      case .undefined: try value.defined()
      default: break
      }
      return fallback
    },
    "float": { value, call, _ in
      let fallback = try call.bound("default")[0] ?? .float(0)
      if let number = value.number { return .float(number) }
      try value.defined()
      if case .string(let text) = value, let number = PythonFloat.parse(text) { return .float(number) }
      return fallback
    },
    "round": { value, call, rendering in
      let arguments = try call.bound("precision", "method")
      let places = try arguments[0].integer() ?? 0
      let method = String(decoding: try arguments[1].text(call) ?? Array("common".utf8), as: UTF8.self)
      guard ["common", "ceil", "floor"].contains(method) else {
        throw PythonError("method must be common, ceil or floor")
      }
      try value.defined()
      guard let number = value.number else {
        throw PythonError("type \(value.typeName) doesn't define __round__ method")
      }
      if method == "common" {
        guard let whole = value.index else { return .float(PythonFloat.rounded(number, places)) }
        return .integer(try rounded(whole, places))
      }
      let scale = try Value.integer(10).computed(.power, .integer(places), rendering)
      let scaled = try value.computed(.multiply, scale, rendering)
      let whole = scaled.number!.rounded(method == "ceil" ? .up : .down)
      return try Value.integer(try PythonText.integer(whole)).computed(.divide, scale, rendering)
    },
    "filesizeformat": { value, call, _ in
      let isBinary = try call.bound("binary")[0].isTrue()
      try value.defined()
      guard let bytes = value.number ?? PythonFloat.parse(value.bytes) else {
        throw PythonError("could not convert to float: \(value.shortRepresentation)")
      }
      let base = isBinary ? 1024.0 : 1000.0
      if bytes == 1 { return .text("1 Byte") }
      if bytes < base { return .text("\(try PythonText.integer(bytes)) Bytes") }
      let prefixes =
        isBinary
        ? ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] : ["k", "M", "G", "T", "P", "E", "Z", "Y"]
      var unit = base
      for (place, prefix) in prefixes.enumerated() {
        unit *= base
        if bytes < unit || place == prefixes.count - 1 {
          return .text(PythonFloat.format("%.*f", precision: 1, base * bytes / unit) + " \(prefix)B")
        }
      }
      return .none
    },
  ]

  /// A whole number rounded to tens, hundreds and so on, half to even.
  private static func rounded(_ value: Int, _ places: Int) throws -> Int {
    guard places < 0 else { return value }
    guard places > -19 else { return 0 }
    var scale = 1
    for _ in 0..<(-places) { scale = try scale.times(10) }
    let quotient = value / scale
    let rest = (value % scale).magnitude
    let half = UInt(scale) / 2
    let isUp = rest > half || (rest == half && quotient % 2 != 0)
    return try (quotient + (isUp ? (value < 0 ? -1 : 1) : 0)).times(scale)
  }
}

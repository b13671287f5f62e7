// Python's arithmetic, also of texts and lists.
import Foundation

extension Value {
  func computed(_ operation: Arithmetic, _ other: Value, _ rendering: Rendering) throws -> Value {
    switch (operation, self, other) {
    case (.add, .string(let a), .string(let b)):
      try rendering.make(a.count + b.count)
      return .string(a + b)
    case (.add, .list(let a), .list(let b)): return .list(try Self.joined(a, b, rendering))
    case (.add, .tuple(let a), .tuple(let b)): return .tuple(try Self.joined(a, b, rendering))
    case (.modulo, .string(let format), _): return .string(try PercentFormat.format(format, other, rendering))
    default: break
    }
    try defined()
    try other.defined()
    if case .multiply = operation {
      if let count = other.index, let repeated = try repeated(count, rendering) { return repeated }
      if let count = index, let repeated = try other.repeated(count, rendering) { return repeated }
    }
    if let a = index, let b = other.index { return try Self.integers(operation, a, b) }
    if let a = number, let b = other.number { return .float(try Self.floats(operation, a, b)) }
    if case .add = operation {
      switch self {
      case .string: throw PythonError("can only concatenate str (not \"\(other.typeName)\") to str")
      case .list: throw PythonError("can only concatenate list (not \"\(other.typeName)\") to list")
      case .tuple: throw PythonError("can only concatenate tuple (not \"\(other.typeName)\") to tuple")
      default: break
      }
    }
    let sign = operation == .power ? "** or pow()" : operation.rawValue
    throw PythonError("unsupported operand type(s) for \(sign): '\(typeName)' and '\(other.typeName)'")
  }

  private static func joined(_ a: List, _ b: List, _ rendering: Rendering) throws -> List {
    try rendering.make(elements: a.elements.count + b.elements.count)
    return List(a.elements + b.elements, depth: max(a.depth, b.depth))
  }

  /// A text or list so many times; nil for other values.
  private func repeated(_ count: Int, _ rendering: Rendering) throws -> Value? {
    let times = max(0, count)
    func length(_ one: Int) throws -> Int {
      let (length, overflows) = one.multipliedReportingOverflow(by: times)
      return overflows ? .max : length
    }
    switch self {
    case .string(let text):
      try rendering.make(try length(text.count))
      var out: [UInt8] = []
      out.reserveCapacity(text.count * times)
      if !text.isEmpty { for _ in 0..<times { out += text } }
      return .string(out)
    case .list(let list), .tuple(let list):
      try rendering.make(elements: try length(list.elements.count))
      var out: [Value] = []
      if !list.elements.isEmpty { for _ in 0..<times { out += list.elements } }
      let repeated = List(out, depth: list.depth)
      if case .list = self { return .list(repeated) }
      return .tuple(repeated)
    default: return nil
    }
  }

  private static func integers(_ operation: Arithmetic, _ a: Int, _ b: Int) throws -> Value {
    switch operation {
    case .add: return .integer(try a.plus(b))
    case .subtract: return .integer(try a.minus(b))
    case .multiply: return .integer(try a.times(b))
    case .divide:
      guard b != 0 else { throw PythonError("division by zero") }
      return .float(Double(a) / Double(b))
    case .floorDivide:
      guard b != 0 else { throw PythonError("integer division or modulo by zero") }
      let (quotient, overflows) = a.dividedReportingOverflow(by: b)
      if overflows { throw PythonInteger.overflow }
      return .integer(quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0))
    case .modulo:
      guard b != 0 else { throw PythonError("integer modulo by zero") }
      let remainder = b == -1 ? 0 : a % b
      return .integer(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder)
    case .power:
      if b < 0 {
        guard a != 0 else { throw PythonError("0.0 cannot be raised to a negative power") }
        return .float(pow(Double(a), Double(b)))
      }
      return .integer(try power(a, b))
    }
  }

  private static func power(_ base: Int, _ exponent: Int) throws -> Int {
    if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
    if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
    guard exponent < 64 else { throw PythonInteger.overflow }
    var result = 1
    for _ in 0..<exponent { result = try result.times(base) }
    return result
  }

  private static func floats(_ operation: Arithmetic, _ a: Double, _ b: Double) throws -> Double {
    switch operation {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide:
      guard b != 0 else { throw PythonError("float division by zero") }
      return a / b
    case .floorDivide:
      guard b != 0 else { throw PythonError("float floor division by zero") }
      return divided(a, b).quotient
    case .modulo:
      guard b != 0 else { throw PythonError("float modulo") }
      return divided(a, b).remainder
    case .power:
      if a == 0, b < 0 { throw PythonError("0.0 cannot be raised to a negative power") }
      if a < 0, a.isFinite, b.isFinite, b != b.rounded() {
        throw PythonError("the power is a complex number, which is not built in")
      }
      let result = pow(a, b)
      if result.isInfinite, a.isFinite, b.isFinite {
        throw PythonError("(34, 'Numerical result out of range')")
      }
      return result
    }
  }

  /// Python's `divmod` of floating-point numbers.
  private static func divided(_ a: Double, _ b: Double) -> (quotient: Double, remainder: Double) {
    var remainder = fmod(a, b)
    var quotient = (a - remainder) / b
    if remainder != 0 {
      if (b < 0) != (remainder < 0) {
        remainder += b
        quotient -= 1
      }
    } else {
      remainder = Double(signOf: b, magnitudeOf: 0)
    }
    if quotient == 0 { return (Double(signOf: a / b, magnitudeOf: 0), remainder) }
    let whole = quotient.rounded(.down)
    return (quotient - whole > 0.5 ? whole + 1 : whole, remainder)
  }
}

extension Int {
  func plus(_ other: Int) throws -> Int { try Self.checked(addingReportingOverflow(other)) }
  func minus(_ other: Int) throws -> Int { try Self.checked(subtractingReportingOverflow(other)) }
  func times(_ other: Int) throws -> Int { try Self.checked(multipliedReportingOverflow(by: other)) }

  private static func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Int {
    if result.overflow { throw PythonInteger.overflow }
    return result.partialValue
  }
}

// Code of operators.

/// `[a, b]` and `(a, b)`.
final class ListCode: Code {
  private let parts: [Code]
  private let isTuple: Bool

  init(_ parts: [Code], isTuple: Bool) {
    self.parts = parts
    self.isTuple = isTuple
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    try rendering.make(elements: parts.count)
    let list = try List(parts.map { try $0.evaluate(frame, rendering) })
    return isTuple ? .tuple(list) : .list(list)
  }
}

final class DictCode: Code {
  private let pairs: [(key: Code, value: Code)]
  init(_ pairs: [(key: Code, value: Code)]) { self.pairs = pairs }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    try rendering.make(elements: pairs.count * 4)
    var builder = DictBuilder()
    for pair in pairs {
      let key = try pair.key.evaluate(frame, rendering)
      try builder.set(key, try pair.value.evaluate(frame, rendering))
    }
    return .dict(try builder.dict())
  }
}

final class Not: Code {
  private let value: Code
  init(_ value: Code) { self.value = value }
  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    .bool(try !value.evaluate(frame, rendering).isTrue)
  }
}

/// `a and b`, `a or b`: one of both values.
final class AndOr: Code {
  private let left: Code
  private let right: Code
  private let isAnd: Bool

  init(_ left: Code, _ right: Code, isAnd: Bool) {
    self.left = left
    self.right = right
    self.isAnd = isAnd
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let value = try left.evaluate(frame, rendering)
    return try value.isTrue == isAnd ? try right.evaluate(frame, rendering) : value
  }
}

final class Conditional: Code {
  private let test: Code
  private let then: Code
  private let otherwise: Code

  init(_ test: Code, _ then: Code, _ otherwise: Code) {
    self.test = test
    self.then = then
    self.otherwise = otherwise
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    try (test.evaluate(frame, rendering).isTrue ? then : otherwise).evaluate(frame, rendering)
  }
}

final class Sign: Code {
  private let value: Code
  private let isNegative: Bool

  init(_ value: Code, isNegative: Bool) {
    self.value = value
    self.isNegative = isNegative
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let value = try self.value.evaluate(frame, rendering)
    switch value {
    case .float(let number): return .float(isNegative ? -number : number)
    case .integer, .bool:
      guard let number = value.index else { break }
      return .integer(isNegative ? try 0.minus(number) : number)
    default: break
    }
    try value.defined()
    throw PythonError("bad operand type for unary \(isNegative ? "-" : "+"): '\(value.typeName)'")
  }
}

/// `a ~ b`: both as text.
final class Concatenation: Code {
  private let parts: [Code]
  init(_ parts: [Code]) { self.parts = parts }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    var out: [UInt8] = []
    for part in parts {
      let text = try part.evaluate(frame, rendering).text(rendering)
      try rendering.make(text.count)
      out += text
    }
    return .string(out)
  }
}

/// `a == b`, `a in b`, and chains of them.
final class ComparisonCode: Code {
  private let first: Code
  private let rest: [(operation: Comparison, value: Code)]

  init(_ first: Code, _ rest: [(operation: Comparison, value: Code)]) {
    self.first = first
    self.rest = rest
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    var left = try first.evaluate(frame, rendering)
    for (operation, code) in rest {
      let right = try code.evaluate(frame, rendering)
      guard try left.holds(operation, right, rendering) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }
}

extension Value {
  @inline(__always)
  func holds(_ operation: Comparison, _ right: Value, _ rendering: Rendering) throws -> Bool {
    switch operation {
    case .equal: try isEqual(to: right)
    case .notEqual: try !isEqual(to: right)
    case .order(let order): try compare(order, right)
    case .isIn: try right.contains(self, rendering)
    case .isNotIn: try !right.contains(self, rendering)
    }
  }
}

final class ArithmeticCode: Code {
  private let operation: Arithmetic
  private let left: Code
  private let right: Code

  init(_ operation: Arithmetic, _ left: Code, _ right: Code) {
    self.operation = operation
    self.left = left
    self.right = right
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let left = try self.left.evaluate(frame, rendering)
    return try left.computed(operation, try right.evaluate(frame, rendering), rendering)
  }
}

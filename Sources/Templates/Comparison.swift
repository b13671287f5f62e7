// Equality, order and membership, as Python has them.

extension Value {
  func isEqual(to other: Value) throws -> Bool {
    switch (self, other) {
    case (.string(let a), .string(let b)): return a == b
    case (.integer(let a), .integer(let b)): return a == b
    case (.none, .none): return true
    case (.undefined(let a), .undefined):
      try a.use()
      return true
    case (.undefined(let undefined), _), (_, .undefined(let undefined)):
      try undefined.use()
      return false
    case (.float(let a), .float(let b)): return a == b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      guard a !== b else { return true }
      guard a.elements.count == b.elements.count else { return false }
      for (x, y) in zip(a.elements, b.elements) where try !x.isSame(as: y) { return false }
      return true
    case (.dict(let a), .dict(let b)):
      guard a !== b else { return true }
      guard a.count == b.count else { return false }
      for (key, value) in zip(a.keys, a.values) {
        guard let place = try b.place(of: key), try value.isSame(as: b.values[place]) else { return false }
      }
      return true
    case (.object(let a), .object(let b)): return try a.isEqual(to: b)
    default:
      if let a = index, let b = other.index { return a == b }
      if case .float(let a) = self, let b = other.index { return Int(exactly: a) == b }
      if let a = index, case .float(let b) = other { return Int(exactly: b) == a }
      return false
    }
  }

  /// Equality as containers test it: one object equals itself.
  private func isSame(as other: Value) throws -> Bool {
    if case .float(let a) = self, case .float(let b) = other { return a == b || (a.isNaN && b.isNaN) }
    return try isEqual(to: other)
  }

  enum Order: String {
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    func holds<T: Comparable>(_ a: T, _ b: T) -> Bool {
      switch self {
      case .less: a < b
      case .lessOrEqual: a <= b
      case .greater: a > b
      case .greaterOrEqual: a >= b
      }
    }
  }

  /// - Throws: where Python knows no order.
  func compare(_ order: Order, _ other: Value) throws -> Bool {
    switch (self, other) {
    case (.integer(let a), .integer(let b)): return order.holds(a, b)
    // The order of code points is that of UTF-8.
    case (.string(let a), .string(let b)): return order.holds(Self.order(a, b), 0)
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (x, y) in zip(a.elements, b.elements) where try !x.isSame(as: y) {
        return try x.compare(order, y)
      }
      return order.holds(a.elements.count, b.elements.count)
    default:
      try defined()
      try other.defined()
      if let a = index, let b = other.index { return order.holds(a, b) }
      if let a = number, let b = other.number { return order.holds(a, b) }
      throw PythonError(
        "'\(order.rawValue)' not supported between instances of '\(typeName)' and '\(other.typeName)'")
    }
  }

  private static func order(_ a: [UInt8], _ b: [UInt8]) -> Int {
    for (x, y) in zip(a, b) where x != y { return x < y ? -1 : 1 }
    return a.count < b.count ? -1 : a.count == b.count ? 0 : 1
  }

  /// Whether this holds an element: Python's `in`.
  func contains(_ element: Value, _ rendering: Rendering) throws -> Bool {
    switch self {
    case .string(let text):
      guard case .string(let part) = element else {
        try element.defined()
        throw PythonError("'in <string>' requires string as left operand, not \(element.typeName)")
      }
      try rendering.charge(text.count / 32)
      return PythonText.find(part, in: text[...]) != nil
    case .list(let list), .tuple(let list):
      try rendering.charge(list.elements.count)
      for known in list.elements where try known.isSame(as: element) { return true }
      return false
    case .dict(let dict): return try dict.place(of: element) != nil
    case .undefined(let undefined):
      try undefined.use()
      return false
    default:
      var iteration = try iterate()
      while let next = try iteration.next(rendering) {
        if try next.isSame(as: element) { return true }
      }
      return false
    }
  }
}

// Code of calls, filters and tests.

/// The arguments of a call, as code.
struct ArgumentCodes {
  var positional: [Code] = []
  var named: [(name: String, value: Code)] = []
  var list: Code?
  var dict: Code?

  @inline(__always)
  func evaluate(_ name: String, _ frame: Frame, _ rendering: Rendering) throws -> Call {
    var call = Call(name)
    if !positional.isEmpty {
      call.positional.reserveCapacity(positional.count)
      for code in positional { call.positional.append(try code.evaluate(frame, rendering)) }
    }
    for (name, code) in named { call.named.append((name, try code.evaluate(frame, rendering))) }
    if let list { call.positional += try list.evaluate(frame, rendering).elements(rendering) }
    if let dict {
      guard case .dict(let pairs) = try dict.evaluate(frame, rendering) else {
        throw PythonError("\(name)() argument after ** must be a mapping")
      }
      for (key, value) in zip(pairs.keys, pairs.values) {
        guard case .string(let bytes) = key else { throw PythonError("keywords must be strings") }
        let name = String(decoding: bytes, as: UTF8.self)
        guard !call.named.contains(where: { $0.name == name }) else {
          throw PythonError("\(call.name)() got multiple values for keyword argument '\(name)'")
        }
        call.named.append((name, value))
      }
    }
    return call
  }
}

extension Value {
  func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    if case .object(let object) = self { return try object.call(&call, rendering) }
    try defined()
    throw PythonError("'\(typeName)' object is not callable")
  }
}

/// `a.b(…)`, without making an object of the method first.
final class MethodCall: Code {
  private let base: Code
  private let attribute: AttributeName
  private let arguments: ArgumentCodes

  init(_ base: Code, _ name: String, _ arguments: ArgumentCodes) {
    self.base = base
    attribute = AttributeName(name)
    self.arguments = arguments
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let receiver = try base.evaluate(frame, rendering)
    try rendering.charge(1)
    if case .object = receiver {
      let callee = try attribute.read(receiver, rendering)
      var call = try arguments.evaluate(attribute.name, frame, rendering)
      return try callee.call(&call, rendering)
    }
    try receiver.defined()
    var call = try arguments.evaluate(attribute.name, frame, rendering)
    return try attribute.call(receiver, &call, rendering)
  }
}

/// A call of any other value.
final class CallCode: Code {
  private let callee: Code
  private let name: String
  private let arguments: ArgumentCodes

  init(_ callee: Code, _ name: String, _ arguments: ArgumentCodes) {
    self.callee = callee
    self.name = name
    self.arguments = arguments
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let callee = try self.callee.evaluate(frame, rendering)
    try rendering.charge(1)
    var call = try arguments.evaluate(name, frame, rendering)
    return try callee.call(&call, rendering)
  }

  /// The same with the body of a `{% call %}` block as its `caller`.
  func evaluate(_ frame: Frame, _ rendering: Rendering, caller: Value) throws -> Value {
    let callee = try self.callee.evaluate(frame, rendering)
    var call = try arguments.evaluate(name, frame, rendering)
    guard !call.named.contains(where: { $0.name == "caller" }) else {
      throw PythonError("the call got two values for the special caller argument")
    }
    call.named.append(("caller", caller))
    return try callee.call(&call, rendering)
  }
}

/// `a|filter(…)`.
final class FilterCode: Code {
  private let value: Code
  private let name: String
  private let filter: Filter
  private let arguments: ArgumentCodes

  init(_ value: Code, _ name: String, _ filter: @escaping Filter, _ arguments: ArgumentCodes) {
    self.value = value
    self.name = name
    self.filter = filter
    self.arguments = arguments
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let value = try self.value.evaluate(frame, rendering)
    try rendering.charge(1)
    var call = try arguments.evaluate(name, frame, rendering)
    return try filter(value, &call, rendering)
  }
}

/// `a is test(…)`.
final class TestCode: Code {
  private let value: Code
  private let name: String
  private let test: Test
  private let arguments: ArgumentCodes

  init(_ value: Code, _ name: String, _ test: @escaping Test, _ arguments: ArgumentCodes) {
    self.value = value
    self.name = name
    self.test = test
    self.arguments = arguments
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let value = try self.value.evaluate(frame, rendering)
    var call = try arguments.evaluate(name, frame, rendering)
    return .bool(try test(value, &call, rendering))
  }
}

/// What a block with a filter holds: it is set while the filter is applied.
final class BlockText: Code {
  let slot: Int
  init(slot: Int) { self.slot = slot }
  override func evaluate(_ frame: Frame, _ rendering: Rendering) -> Value { frame[slot] ?? .string([]) }
}

/// A mistake that is one only if it is reached: a filter that does not exist, in a branch.
final class Failing: Code {
  private let message: String
  init(_ message: String) { self.message = message }
  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    throw PythonError(message)
  }
}

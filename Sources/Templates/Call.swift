// The arguments of a call, and how a function takes them.

struct Call {
  /// What is called, for messages.
  var name: String
  var positional: [Value] = []
  var named: [(name: String, value: Value)] = []

  var isEmpty: Bool { positional.isEmpty && named.isEmpty }

  init(_ name: String) { self.name = name }

  /// The values of a function's parameters, in their order; nil where none is given.
  /// - Parameter required: how many of the first must be given.
  func bound(_ parameters: StaticString..., required: Int = 0) throws -> [Value?] {
    var values = [Value?](repeating: nil, count: parameters.count)
    guard positional.count <= parameters.count else {
      throw PythonError("\(name)() takes at most \(parameters.count) arguments (\(positional.count) given)")
    }
    for (place, value) in positional.enumerated() { values[place] = value }
    for (key, value) in named {
      guard let place = parameters.firstIndex(where: { "\($0)" == key }) else {
        throw PythonError("\(name)() got an unexpected keyword argument '\(key)'")
      }
      guard values[place] == nil else {
        throw PythonError("\(name)() got multiple values for argument '\(key)'")
      }
      values[place] = value
    }
    for place in 0..<required where values[place] == nil {
      throw PythonError("\(name)() missing required argument: '\(parameters[place])'")
    }
    return values
  }

  /// The values of parameters that have no names.
  func unnamed(_ counts: ClosedRange<Int>) throws -> [Value] {
    if let first = named.first {
      throw PythonError("\(name)() takes no keyword arguments, but '\(first.name)'")
    }
    guard counts.contains(positional.count) else {
      let expected =
        counts.count == 1 ? "\(counts.lowerBound)" : "from \(counts.lowerBound) to \(counts.upperBound)"
      throw PythonError("\(name)() takes \(expected) arguments (\(positional.count) given)")
    }
    return positional
  }

  func checkEmpty() throws {
    if !isEmpty {
      throw PythonError("\(name)() takes no arguments (\(positional.count + named.count) given)")
    }
  }
}

extension Value? {
  /// An argument that is a whole number; nil if it is not given.
  func integer() throws -> Int? {
    guard let self else { return nil }
    guard let value = self.index else {
      try self.defined()
      throw PythonError("'\(self.typeName)' object cannot be interpreted as an integer")
    }
    return value
  }

  /// An argument that is a text.
  func text(_ call: Call) throws -> [UInt8]? {
    guard let self else { return nil }
    guard case .string(let bytes) = self else {
      try self.defined()
      throw PythonError("\(call.name)() argument must be str, not \(self.typeName)")
    }
    return bytes
  }

  /// An argument's truth; false if it is not given.
  func isTrue() throws -> Bool { try self?.isTrue ?? false }
}

/// A function that templates call by its name.
final class Function: Object {
  typealias Body = @Sendable (inout Call, Rendering) throws -> Value
  let name: String
  private let body: Body

  init(_ name: String, _ body: @escaping Body) {
    self.name = name
    self.body = body
  }

  override var typeName: String { "function" }
  override var isCallable: Bool { true }
  override func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    try body(&call, rendering)
  }
}

/// A method that was read from its object and not called yet.
final class BoundMethod: Object {
  private let receiver: Value
  private let name: String
  private let method: Method
  private let level: Int

  init(_ receiver: Value, _ name: String, _ method: @escaping Method) throws {
    self.receiver = receiver
    self.name = name
    self.method = method
    level = try Value.depth(around: [receiver])
  }

  override var typeName: String { "builtin_function_or_method" }
  override var depth: Int { level }
  override func representation(_ rendering: Rendering) -> [UInt8] {
    Array("<built-in method \(name) of \(receiver.typeName) object>".utf8)
  }
  override var isCallable: Bool { true }
  override func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    try method(receiver, &call, rendering)
  }
}

/// A method of one of Python's types.
typealias Method = (_ receiver: Value, inout Call, Rendering) throws -> Value

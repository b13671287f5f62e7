// The functions and objects that every template has.
import Base

enum Globals {
  /// Nothing here ever changes.
  nonisolated(unsafe) static let all: [String: Value] = [
    "range": function("range") { call, _ in try RangeObject.make(&call) },
    "dict": .object(DictType()),
    "namespace": function("namespace") { call, rendering in
      .object(try Namespace(try dict(&call, rendering), rendering))
    },
    "cycler": function("cycler") { call, _ in .object(try Cycler(try call.unnamed(0...Int.max - 1))) },
    "joiner": function("joiner") { call, _ in
      .object(try Joiner(try call.bound("sep")[0] ?? .text(", ")))
    },
    "lipsum": function("lipsum") { _, _ in throw PythonError("lipsum() is random, and not built in") },
    "raise_exception": function("raise_exception") { call, rendering in
      let message = try call.bound("message", required: 1)[0]!
      throw RaisedException(message: String(decoding: try message.text(rendering), as: UTF8.self))
    },
    "strftime_now": function("strftime_now") { call, rendering in
      let format = try call.bound("format", required: 1)[0].text(call)!
      return .string(try Strftime.now(format, rendering))
    },
  ]

  private static func function(_ name: String, _ body: @escaping Function.Body) -> Value {
    .object(Function(name, body))
  }

  /// What Python's `dict(…)` makes.
  static func dict(_ call: inout Call, _ rendering: Rendering) throws -> Dict {
    var builder = DictBuilder()
    guard call.positional.count <= 1 else {
      throw PythonError("\(call.name) expected at most 1 argument, got \(call.positional.count)")
    }
    if let first = call.positional.first {
      try first.defined()
      if case .dict(let dict) = first {
        builder = DictBuilder(dict)
      } else {
        var iteration = try first.iterate()
        while let pair = try iteration.next(rendering) {
          let parts = try pair.elements(rendering)
          guard parts.count == 2 else {
            throw PythonError("dictionary update sequence element has length \(parts.count); 2 is required")
          }
          try rendering.make(elements: 4)
          try builder.set(parts[0], parts[1])
        }
      }
    }
    for (name, value) in call.named { try builder.set(.text(name), value) }
    return try builder.dict()
  }
}

/// What `raise_exception` was called with: the only error that says what a template's author wants said.
struct RaisedException: Error {
  var message: String
}

/// `dict`, which makes dicts and has `fromkeys`.
final class DictType: Object {
  override var typeName: String { "TemplateDict" }
  override var isCallable: Bool { true }
  override func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    .dict(try Globals.dict(&call, rendering))
  }
  override func attribute(_ name: String, _ rendering: Rendering) -> Value? {
    guard name == "fromkeys" else { return nil }
    return .object(
      Function("fromkeys") { call, rendering in
        let arguments = try call.unnamed(1...2)
        var builder = DictBuilder()
        for key in try arguments[0].elements(rendering) {
          try builder.set(key, arguments.count > 1 ? arguments[1] : .none)
        }
        return .dict(try builder.dict())
      })
  }
}

/// `namespace(…)`: the one object whose attributes templates set.
final class Namespace: Object, Cyclic {
  private var names: [String] = []
  private var values: [Value] = []

  init(_ dict: Dict, _ rendering: Rendering) throws {
    super.init()
    for (key, value) in zip(dict.keys, dict.values) {
      guard case .string(let name) = key else { continue }
      try set(String(decoding: name, as: UTF8.self), value)
    }
    rendering.cyclic.append(self)
  }

  override var typeName: String { "TemplateNamespace" }

  override func attribute(_ name: String, _ rendering: Rendering) -> Value? {
    names.firstIndex(of: name).map { values[$0] }
  }

  /// - Throws: as transformers does for names that Python keeps for itself.
  func set(_ name: String, _ value: Value) throws {
    guard !name.hasPrefix("_") else {
      throw PythonError(
        "Chat templates cannot store underscore-prefixed attributes on a namespace, but got '\(name)'. "
          + "Please rename the attribute.")
    }
    if let place = names.firstIndex(of: name) {
      values[place] = value
    } else {
      guard names.count < 1_000 else { throw PythonError("a namespace has more than 1000 attributes") }
      names.append(name)
      values.append(value)
    }
  }

  /// Whether its representation is being made: it may hold itself.
  private var isShown = false

  override func representation(_ rendering: Rendering) throws -> [UInt8] {
    if isShown { return Array("<Namespace {...}>".utf8) }
    isShown = true
    defer { isShown = false }
    // Namespaces may hold each other, without a bound on the levels of values.
    return try rendering.nested(20) {
      let dict = try Dict(keys: names.map(Value.text), values: values)
      return Array("<Namespace ".utf8) + (try Value.dict(dict).representation(rendering)) + [
        UInt8(ascii: ">")
      ]
    }
  }

  func breakCycles() {
    names = []
    values = []
  }
}

/// `cycler(…)`: gives its values in turn.
final class Cycler: Object {
  private let items: List
  private var place = 0

  init(_ items: [Value]) throws {
    guard !items.isEmpty else { throw PythonError("at least one item has to be provided") }
    self.items = try List(items)
  }

  override var typeName: String { "Cycler" }
  override var depth: Int { items.depth }
  override func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
    switch name {
    case "current": return items.elements[place]
    case "items": return .tuple(items)
    case "pos": return .integer(place)
    case "next":
      return .object(
        try BoundMethod(.object(self), "next") { [self] _, call, _ in
          try call.checkEmpty()
          defer { place = (place + 1) % items.elements.count }
          return items.elements[place]
        })
    case "reset":
      return .object(
        try BoundMethod(.object(self), "reset") { [self] _, call, _ in
          try call.checkEmpty()
          place = 0
          return .none
        })
    default: return nil
    }
  }
}

/// `joiner(…)`: nothing at first, and then its separator.
final class Joiner: Object {
  private let separator: Value
  private let level: Int
  private var isUsed = false

  init(_ separator: Value) throws {
    self.separator = separator
    level = try Value.depth(around: [separator])
  }

  override var typeName: String { "Joiner" }
  override var depth: Int { level }
  override var isCallable: Bool { true }
  override func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    try call.checkEmpty()
    defer { isUsed = true }
    return isUsed ? separator : .string([])
  }
  override func attribute(_ name: String, _ rendering: Rendering) -> Value? {
    switch name {
    case "sep": separator
    case "used": .bool(isUsed)
    default: nil
    }
  }
}

// Filters that pick or change each element: `map`, `select` and their relatives.

enum ChoiceFilters {
  nonisolated(unsafe) static let all: [String: Filter] = [
    "map": map,
    "select": choice(ofAttribute: false, keeps: true), "reject": choice(ofAttribute: false, keeps: false),
    "selectattr": choice(ofAttribute: true, keeps: true),
    "rejectattr": choice(ofAttribute: true, keeps: false),
  ]

  private static let map: @Sendable (Value, inout Call, Rendering) throws -> Value = {
    value, call, rendering in
    try lazily(value, call) { call in
      if call.positional.isEmpty, call.named.contains(where: { $0.name == "attribute" }) {
        let arguments = try call.bound("", "attribute", "default")
        let path = try AttributePath(arguments[1], fallback: arguments[2])
        return { try path.read($0, $1) }
      }
      guard let first = call.positional.first else { throw PythonError("map requires a filter argument") }
      let name = String(decoding: first.bytes, as: UTF8.self)
      guard case .string = first, let filter = Filters.all[name] else {
        throw PythonError("No filter named \(first.shortRepresentation).")
      }
      let arguments = call.after(1, name: name)
      return { value, rendering in
        var arguments = arguments
        return try filter(value, &arguments, rendering)
      }
    }
  }

  private static func choice(ofAttribute: Bool, keeps: Bool) -> Filter {
    { value, call, rendering in
      try lazily(value, call) { call in
        var path: AttributePath?
        if ofAttribute {
          guard let name = call.positional.first else {
            throw PythonError("Missing parameter for attribute name")
          }
          path = try AttributePath(name)
        }
        let (test, arguments) = try test(call.after(ofAttribute ? 1 : 0, name: call.name))
        return { element, rendering in
          let tested = try path?.read(element, rendering) ?? element
          var own = arguments
          let holds = try test?(tested, &own, rendering) ?? tested.isTrue
          return holds == keeps ? element : nil
        }
      }
    }
  }

  /// The test that the first argument names, if there is one, and what it is called with.
  private static func test(_ call: Call) throws -> (Test?, Call) {
    guard let first = call.positional.first else { return (nil, call) }
    let name = String(decoding: first.bytes, as: UTF8.self)
    guard case .string = first, let test = Tests.all[name] else {
      throw PythonError("No test named \(first.shortRepresentation).")
    }
    return (test, call.after(1, name: name))
  }

  /// What each element becomes, without those that become nil. Nothing is looked at before the first element is asked for.
  private static func lazily(
    _ value: Value, _ call: Call, _ prepare: @escaping (Call) throws -> (Value, Rendering) throws -> Value?
  ) throws -> Value {
    var change: ((Value, Rendering) throws -> Value?)?
    var iteration: Iteration?
    return .object(
      try LazySequence("generator", over: [value] + call.values) { rendering in
        if iteration == nil, try !value.isTrue { return nil }
        let apply = try change ?? prepare(call)
        change = apply
        if iteration == nil { iteration = try value.iterate() }
        while let element = try iteration!.next(rendering) {
          try rendering.charge(1)
          if let result = try apply(element, rendering) { return result }
        }
        return nil
      })
  }
}

extension Call {
  /// The same without its first arguments.
  fileprivate func after(_ count: Int, name: String) -> Call {
    var call = self
    call.name = name
    call.positional.removeFirst(count)
    return call
  }

  fileprivate var values: [Value] { positional + named.map(\.value) }
}

/// A way to a part of an element: `"a.b.0"`, or a number; no way at all is the element itself.
struct AttributePath {
  private var parts: [Value] = []
  private var fallback: Value?

  init(_ path: Value?, fallback: Value? = nil) throws {
    self.fallback = fallback.flatMap { $0.isNone ? nil : $0 }
    switch path {
    case nil, Value.none?: break
    case .string(let text)?:
      parts =
        PythonText.places(of: [0x2E], in: text).count > 100
        ? [] : text.split(separator: 0x2E, omittingEmptySubsequences: false).map(Self.part)
    case .some(let key): parts = [key]
    }
  }

  /// Several ways, with commas between them.
  static func several(_ paths: Value?) throws -> [AttributePath] {
    guard case .string(let text)? = paths else { return [try AttributePath(paths)] }
    return try text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
      try AttributePath(.string(Array($0)))
    }
  }

  private static func part(_ text: ArraySlice<UInt8>) -> Value {
    if !text.isEmpty, text.allSatisfy(Lexer.isDigit), let number = Int(String(decoding: text, as: UTF8.self))
    {
      return .integer(number)
    }
    return .string(Array(text))
  }

  func read(_ value: Value, _ rendering: Rendering) throws -> Value {
    var value = value
    for part in parts {
      value = try value.item(part, rendering)
      if let fallback, value.isUndefined { value = fallback }
    }
    return value
  }
}

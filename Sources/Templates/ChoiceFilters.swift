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
    guard try value.isTrue else { return .object(try LazySequence("generator", over: []) { _ in nil }) }
    let change: (Value, Rendering) throws -> Value
    if call.positional.isEmpty, let place = call.named.firstIndex(where: { $0.name == "attribute" }) {
      let arguments = try call.bound("", "attribute", "default")
      let path = try AttributePath(arguments[1], fallback: arguments[2])
      change = { try path.read($0, $1) }
    } else {
      guard let first = call.positional.first else { throw PythonError("map requires a filter argument") }
      let name = String(decoding: first.bytes, as: UTF8.self)
      guard case .string = first, let filter = Filters.all[name] else {
        throw PythonError("No filter named \(first.shortRepresentation).")
      }
      let arguments = call.after(1, name: name)
      change = { value, rendering in
        var arguments = arguments
        return try filter(value, &arguments, rendering)
      }
    }
    var iteration = try value.iterate()
    return .object(
      try LazySequence("generator", over: [value] + call.values) { rendering in
        try iteration.next(rendering).map { try change($0, rendering) }
      })
  }

  private static func choice(ofAttribute: Bool, keeps: Bool) -> Filter {
    { value, call, rendering in
      guard try value.isTrue else { return .object(try LazySequence("generator", over: []) { _ in nil }) }
      var path: AttributePath?
      if ofAttribute {
        guard let name = call.positional.first else {
          throw PythonError("Missing parameter for attribute name")
        }
        path = try AttributePath(name)
      }
      var arguments = call.after(ofAttribute ? 1 : 0, name: call.name)
      var test: Test?
      if let first = arguments.positional.first {
        let name = String(decoding: first.bytes, as: UTF8.self)
        guard case .string = first, let found = Tests.all[name] else {
          throw PythonError("No test named \(first.shortRepresentation).")
        }
        test = found
        arguments = arguments.after(1, name: name)
      }
      var iteration = try value.iterate()
      return .object(
        try LazySequence("generator", over: [value] + call.values) { [arguments] rendering in
          while let element = try iteration.next(rendering) {
            try rendering.charge(1)
            let tested = try path?.read(element, rendering) ?? element
            var own = arguments
            let holds = try test?(tested, &own, rendering) ?? tested.isTrue
            if holds == keeps { return element }
          }
          return nil
        })
    }
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

// The filters that templates know, by name.

/// A filter, with the value before the bar.
typealias Filter = (_ value: Value, inout Call, Rendering) throws -> Value

enum Filters {
  nonisolated(unsafe) static let all: [String: Filter] = {
    var all = TextFilters.all
    for group in [NumberFilters.all, SequenceFilters.all, ChoiceFilters.all, ValueFilters.all] {
      all.merge(group) { first, _ in first }
    }
    for name in ["random", "urlize", "xmlattr"] {
      all[name] = { _, _, _ in throw PythonError("the filter '\(name)' is not built in") }
    }
    return all
  }()
}

/// Filters of any value.
enum ValueFilters {
  nonisolated(unsafe) static let all: [String: Filter] = [
    "default": fallback, "d": fallback,
    "length": count, "count": count,
    "tojson": { value, call, rendering in
      let arguments = try call.bound("ensure_ascii", "indent", "separators", "sort_keys")
      var indent: [UInt8]?
      switch arguments[1] {
      case nil, Value.none?: break
      case .string(let text)?: indent = text
      case let width:
        let count = try width.integer()!
        try rendering.make(max(0, count))
        indent = [UInt8](repeating: 0x20, count: max(0, count))
      }
      var separators = (Array((indent == nil ? ", " : ",").utf8), Array(": ".utf8))
      if let given = arguments[2], !given.isNone {
        let parts = try given.elements(rendering)
        guard parts.count == 2, case .string(let item) = parts[0], case .string(let key) = parts[1] else {
          throw PythonError("separators are two texts")
        }
        separators = (item, key)
      }
      let json = JSONText(
        indent: indent, itemSeparator: separators.0, keySeparator: separators.1,
        sortsKeys: try arguments[3].isTrue(), escapesAll: try arguments[0].isTrue(), rendering: rendering)
      return .string(try json.encoded(value))
    },
    "string": { value, call, rendering in
      try call.checkEmpty()
      return .string(try value.text(rendering))
    },
    "safe": { value, call, rendering in
      try call.checkEmpty()
      return .string(try value.text(rendering))
    },
    "attr": { value, call, rendering in
      let name = try call.bound("name", required: 1)[0].text(call)!
      let attribute = AttributeName(String(decoding: name, as: UTF8.self))
      return try attribute.attribute(of: value, rendering)
        ?? rendering.undefined(.attribute(attribute.name, ofType: value.jinjaTypeName))
    },
    "pprint": { value, call, rendering in
      try call.checkEmpty()
      let text = try value.sortedForPrinting(rendering).representation(rendering)
      guard PythonText.count(text) <= 80 else {
        throw PythonError("pprint of what does not fit into one line of 80 characters is not built in")
      }
      return .string(text)
    },
  ]

  private static let fallback: @Sendable (Value, inout Call, Rendering) throws -> Value = { value, call, _ in
    if !value.isUndefined, call.isEmpty { return value }
    let arguments = try call.bound("default_value", "boolean")
    let isMissing = try value.isUndefined || (arguments[1].isTrue() && !value.isTrue)
    return isMissing ? arguments[0] ?? .string([]) : value
  }

  private static let count: @Sendable (Value, inout Call, Rendering) throws -> Value = { value, call, _ in
    try call.checkEmpty()
    return .integer(try value.count())
  }
}

extension Value {
  /// The same with the keys of dicts in order, as `pprint` shows them.
  fileprivate func sortedForPrinting(_ rendering: Rendering) throws -> Value {
    switch self {
    case .list(let list):
      return .list(try List(list.elements.map { try $0.sortedForPrinting(rendering) }))
    case .tuple(let list):
      return .tuple(try List(list.elements.map { try $0.sortedForPrinting(rendering) }))
    case .dict(let dict):
      var places = Array(0..<dict.count)
      try places.sortStably(rendering) { try dict.keys[$0].compare(.less, dict.keys[$1]) }
      return .dict(
        try Dict(
          keys: places.map { dict.keys[$0] },
          values: places.map { try dict.values[$0].sortedForPrinting(rendering) }))
    default: return self
    }
  }
}

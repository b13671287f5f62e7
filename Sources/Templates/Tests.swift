// The tests that templates know, by name: what stands behind `is`.

typealias Test = (_ value: Value, inout Call, Rendering) throws -> Bool

enum Tests {
  nonisolated(unsafe) static let all: [String: Test] = [
    "defined": plain { !$0.isUndefined }, "undefined": plain { $0.isUndefined }, "none": plain { $0.isNone },
    "boolean": plain { if case .bool = $0 { true } else { false } },
    "true": plain { if case .bool(true) = $0 { true } else { false } },
    "false": plain { if case .bool(false) = $0 { true } else { false } },
    "integer": plain { if case .integer = $0 { true } else { false } },
    "float": plain { if case .float = $0 { true } else { false } },
    "number": plain { $0.number != nil },
    "string": plain { if case .string = $0 { true } else { false } },
    "mapping": plain { if case .dict = $0 { true } else { false } },
    "sequence": plain { value in
      switch value {
      case .string, .list, .tuple, .dict, .undefined: return true
      case .object(let object): return object.isSequence
      default: return false
      }
    },
    "iterable": plain { value in
      switch value {
      case .string, .list, .tuple, .dict, .undefined: return true
      case .object(let object): return object is LoopObject ? true : try object.iteration() != nil
      default: return false
      }
    },
    "callable": plain { value in
      switch value {
      case .object(let object): return object.isCallable
      // Python's class of undefined values has `__call__`, which raises.
      case .undefined: return true
      default: return false
      }
    },
    "escaped": plain { _ in false },
    "odd": { value, call, rendering in try value.remainder(of: 2, &call, rendering, is: 1) },
    "even": { value, call, rendering in try value.remainder(of: 2, &call, rendering, is: 0) },
    "divisibleby": { value, call, rendering in
      let divisor = try call.bound("num", required: 1)[0]!
      return try value.computed(.modulo, divisor, rendering).isEqual(to: .integer(0))
    },
    "lower": { value, call, rendering in
      try call.checkEmpty()
      return PythonText.isAll(upper: false, try value.text(rendering))
    },
    "upper": { value, call, rendering in
      try call.checkEmpty()
      return PythonText.isAll(upper: true, try value.text(rendering))
    },
    "sameas": { value, call, _ in value.isIdentical(to: try call.bound("other", required: 1)[0]!) },
    "in": { value, call, rendering in
      try call.bound("seq", required: 1)[0]!.contains(value, rendering)
    },
    "filter": { value, call, _ in
      try call.checkEmpty()
      try value.checkHash()
      return Filters.all[String(decoding: value.bytes, as: UTF8.self)] != nil
    },
    "test": { value, call, _ in
      try call.checkEmpty()
      try value.checkHash()
      return isKnown(String(decoding: value.bytes, as: UTF8.self))
    },
    "==": comparison(.equal), "eq": comparison(.equal), "equalto": comparison(.equal),
    "!=": comparison(.notEqual), "ne": comparison(.notEqual),
    ">": comparison(.order(.greater)), "gt": comparison(.order(.greater)),
    "greaterthan": comparison(.order(.greater)),
    ">=": comparison(.order(.greaterOrEqual)), "ge": comparison(.order(.greaterOrEqual)),
    "<": comparison(.order(.less)), "lt": comparison(.order(.less)), "lessthan": comparison(.order(.less)),
    "<=": comparison(.order(.lessOrEqual)), "le": comparison(.order(.lessOrEqual)),
  ]

  private static func isKnown(_ name: String) -> Bool { all[name] != nil }

  private static func plain(_ holds: @escaping (Value) throws -> Bool) -> Test {
    { value, call, _ in
      try call.checkEmpty()
      return try holds(value)
    }
  }

  private static func comparison(_ operation: Comparison) -> Test {
    { value, call, rendering in
      try value.holds(operation, try call.unnamed(1...1)[0], rendering)
    }
  }
}

extension Value {
  fileprivate func remainder(
    of divisor: Int, _ call: inout Call, _ rendering: Rendering, is expected: Int
  ) throws -> Bool {
    try call.checkEmpty()
    return try computed(.modulo, .integer(divisor), rendering).isEqual(to: .integer(expected))
  }

  /// Python's `is`: texts and numbers of one value count as one.
  fileprivate func isIdentical(to other: Value) -> Bool {
    switch (self, other) {
    case (.none, .none): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.float(let a), .float(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
    case (.dict(let a), .dict(let b)): a === b
    case (.object(let a), .object(let b)): a === b
    case (.undefined(let a), .undefined(let b)): a === b
    default: false
    }
  }
}

// The values that templates compute with: Python's.
import Base

enum Value {
  case undefined(Undefined)
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  /// UTF-8.
  case string([UInt8])
  case list(List)
  case tuple(List)
  case dict(Dict)
  case object(Object)
}

/// The elements of a list or tuple. Templates cannot change them.
final class List {
  let elements: [Value]
  /// How many levels of containers lie in each other here: bounded, since values are walked by recursion.
  let depth: Int

  init(_ elements: [Value]) throws {
    self.elements = elements
    depth = try Value.depth(around: elements)
  }

  /// - Parameter depth: that of the deepest element; known where elements come from another list.
  init(_ elements: [Value], depth: Int) {
    self.elements = elements
    self.depth = depth
  }
}

/// What a name, an attribute or an element is that does not exist.
final class Undefined {
  enum Reason {
    case name(String)
    case attribute(String, ofType: String)
    case item(String, ofType: String)
    case hint(String)
    /// An attribute that the sandbox does not let templates use.
    case unsafe(String, ofType: String)
  }
  let reason: Reason
  /// Whether a mere look at the value is a mistake, as with Jinja's `StrictUndefined`.
  let isStrict: Bool
  init(_ reason: Reason, isStrict: Bool = false) { (self.reason, self.isStrict) = (reason, isStrict) }

  /// - Throws: where the value is looked at, if that is a mistake.
  @inline(__always)
  func use() throws { if isStrict { throw PythonError(message) } }

  /// What is said where the value is used.
  var message: String {
    switch reason {
    case .name(let name): "'\(name)' is undefined"
    case .attribute(let name, let type):
      "'\(type == "None" ? type : type + " object")' has no attribute '\(name)'"
    case .item(let key, let type): "\(type == "None" ? type : type + " object") has no element \(key)"
    case .hint(let text): text
    case .unsafe(let name, let type): "access to attribute '\(name)' of '\(type)' object is unsafe."
    }
  }
}

/// A value that is neither data nor text: what functions, loops, macros and iterators are.
class Object {
  /// Python's name of the type.
  var typeName: String { "object" }
  /// As `str` and `repr` show it.
  func representation(_ rendering: Rendering) throws -> [UInt8] { Array("<\(typeName) object>".utf8) }
  var isTrue: Bool { get throws { true } }
  /// As many elements as `len` counts; nil where `len` is refused.
  var count: Int? { get throws { nil } }
  /// One pass over the elements; nil where there are none to pass over.
  func iteration() throws -> Iteration? { nil }
  /// Whether every `iteration` begins anew and `x[0]` works.
  var isSequence: Bool { false }
  func element(_ index: Int) -> Value? { nil }
  func attribute(_ name: String, _ rendering: Rendering) throws -> Value? { nil }
  var isCallable: Bool { false }
  func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    throw PythonError("'\(typeName)' object is not callable")
  }
  func isEqual(to other: Object) throws -> Bool { self === other }
  var depth: Int { 0 }
}

/// A mistake of a template while it renders. The statement that it happens in adds its line.
struct PythonError: Error {
  var message: String
  init(_ message: String) { self.message = message }
}

extension Value {
  static func text(_ text: String) -> Value { .string(Array(text.utf8)) }

  static let deepest = 300

  var depth: Int {
    switch self {
    case .list(let list), .tuple(let list): list.depth
    case .dict(let dict): dict.depth
    case .object(let object): object.depth
    default: 0
    }
  }

  static func depth(around elements: [Value]) throws -> Int {
    var deepest = 0
    for element in elements { deepest = max(deepest, element.depth) }
    guard deepest < Self.deepest else {
      throw PythonError("values lie more than \(Self.deepest) levels deep")
    }
    return deepest + 1
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
  var isNone: Bool { if case .none = self { true } else { false } }

  /// Python's name of the type.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .integer: "int"
    case .float: "float"
    case .string: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dict: "dict"
    case .object(let object): object.typeName
    }
  }

  /// The type as Jinja's messages about undefined values name it.
  var jinjaTypeName: String { isNone ? "None" : typeName }

  /// Python's truth of a value.
  var isTrue: Bool {
    get throws {
      switch self {
      case .none: return false
      case .undefined(let undefined):
        try undefined.use()
        return false
      case .bool(let value): return value
      case .integer(let value): return value != 0
      case .float(let value): return value != 0
      case .string(let bytes): return !bytes.isEmpty
      case .list(let list), .tuple(let list): return !list.elements.isEmpty
      case .dict(let dict): return dict.count > 0
      case .object(let object): return try object.isTrue
      }
    }
  }

  /// The value as a whole number where Python takes one in its place.
  var index: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The value as a number.
  var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .bool(let value): value ? 1 : 0
    case .float(let value): value
    default: nil
    }
  }

  /// - Throws: as Python does where anything is done with an undefined value.
  func defined() throws {
    if case .undefined(let undefined) = self { throw PythonError(undefined.message) }
  }
}

extension Value {
  /// What JSON holds, as Python's `json.loads` gives it.
  init(_ json: JSON) throws {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .float(value)
    case .string(let bytes): self = .string(bytes)
    case .array(let elements):
      var values: [Value] = []
      values.reserveCapacity(elements.count)
      for element in elements { values.append(try Value(element)) }
      self = .list(try List(values))
    case .object(let members):
      var keys: [Value] = []
      var values: [Value] = []
      keys.reserveCapacity(members.count)
      values.reserveCapacity(members.count)
      for member in members {
        keys.append(.string(member.key))
        values.append(try Value(member.value))
      }
      self = .dict(try Dict(keys: keys, values: values))
    }
  }
}

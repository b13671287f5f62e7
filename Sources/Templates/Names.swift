// Code that reads constants, variables, attributes and elements.

final class Constant: Code {
  let value: Value
  init(_ value: Value) { self.value = value }
  override func evaluate(_ frame: Frame, _ rendering: Rendering) -> Value { value }
}

/// A variable of the function that runs.
final class LocalName: Code {
  private let slot: Int
  private let undefined: Value
  init(_ name: String, slot: Int, isStrict: Bool) {
    self.slot = slot
    undefined = .undefined(Undefined(.name(name), isStrict: isStrict))
  }
  override func evaluate(_ frame: Frame, _ rendering: Rendering) -> Value { frame[slot] ?? undefined }
}

/// A variable of a function around it.
final class OuterName: Code {
  private let place: VariablePlace
  private let undefined: Value
  init(_ name: String, _ place: VariablePlace, isStrict: Bool) {
    self.place = place
    undefined = .undefined(Undefined(.name(name), isStrict: isStrict))
  }
  override func evaluate(_ frame: Frame, _ rendering: Rendering) -> Value { frame[place] ?? undefined }
}

/// `a.b`: an attribute of the value, or else its element of that name.
final class Attribute: Code {
  let base: Code
  let attribute: AttributeName

  init(_ base: Code, _ name: String) {
    self.base = base
    attribute = AttributeName(name)
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    try attribute.read(try base.evaluate(frame, rendering), rendering)
  }
}

/// A name behind a dot, and what it means for each of Python's types.
final class AttributeName {
  let name: String
  private let bytes: [UInt8]
  private let methods: MethodTable.Found
  private let isPrivate: Bool

  init(_ name: String) {
    self.name = name
    bytes = Array(name.utf8)
    methods = MethodTable.Found(name)
    isPrivate = name.hasPrefix("__") && name.hasSuffix("__")
  }

  /// The attribute, or else the element; undefined if there is neither.
  func read(_ value: Value, _ rendering: Rendering) throws -> Value {
    if case .dict(let dict) = value, methods.ofDict == nil, !isPrivate {
      return dict[bytes] ?? rendering.undefined(.attribute(name, ofType: "dict"))
    }
    if let found = try attribute(of: value, rendering) { return found }
    if case .dict(let dict) = value, let found = dict[bytes] { return found }
    return rendering.undefined(.attribute(name, ofType: value.jinjaTypeName))
  }

  /// A method to call at once.
  @inline(__always)
  func method(of value: Value) -> Method? {
    switch value {
    case .string: methods.ofString
    case .dict: methods.ofDict
    case .list: methods.ofList
    case .tuple: methods.ofTuple
    case .integer, .bool: methods.ofInteger
    case .float: methods.ofFloat
    default: nil
    }
  }

  /// What Python's `getattr` finds; nil if there is nothing.
  func attribute(of value: Value, _ rendering: Rendering) throws -> Value? {
    if case .undefined(let undefined) = value { throw PythonError(undefined.message) }
    if isPrivate, MethodTable.privateNames.contains(name) {
      return .undefined(Undefined(.unsafe(name, ofType: value.typeName)))
    }
    if let method = method(of: value) {
      if methods.isUnsafe(for: value) { return .undefined(Undefined(.unsafe(name, ofType: value.typeName))) }
      return .object(try BoundMethod(value, name, method))
    }
    if case .object(let object) = value { return try object.attribute(name, rendering) }
    return nil
  }

  /// Calls the method, or whatever the name stands for.
  func call(_ receiver: Value, _ call: inout Call, _ rendering: Rendering) throws -> Value {
    if let method = method(of: receiver), !methods.isUnsafe(for: receiver) {
      return try method(receiver, &call, rendering)
    }
    return try read(receiver, rendering).call(&call, rendering)
  }
}

/// `a[b]`.
final class Item: Code {
  private let base: Code
  private let key: Code

  init(_ base: Code, _ key: Code) {
    self.base = base
    self.key = key
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let value = try base.evaluate(frame, rendering)
    return try value.item(try key.evaluate(frame, rendering), rendering)
  }
}

extension Value {
  /// The element, or else the attribute of that name; undefined if there is neither.
  func item(_ key: Value, _ rendering: Rendering) throws -> Value {
    switch self {
    case .undefined: try defined()
    case .dict(let dict):
      // A key without a hash is no key.
      if let place = try? dict.place(of: key) { return dict.values[place] }
    case .list(let list), .tuple(let list):
      if let index = key.index {
        let place = index < 0 ? index + list.elements.count : index
        if list.elements.indices.contains(place) { return list.elements[place] }
      }
    case .string(let text):
      if let index = key.index, let character = PythonText.character(text, index) {
        return .string(character)
      }
    case .object(let object):
      if let index = key.index, object.isSequence, let element = object.element(index) { return element }
    default: break
    }
    guard case .string(let name) = key else {
      let shown = key.shortRepresentation
      return rendering.undefined(.item(shown, ofType: jinjaTypeName))
    }
    let attribute = AttributeName(String(decoding: name, as: UTF8.self))
    return try attribute.attribute(of: self, rendering)
      ?? rendering.undefined(.attribute(attribute.name, ofType: jinjaTypeName))
  }
}

/// `a[b:c:d]`.
final class Slice: Code {
  private let base: Code
  private let bounds: [Code?]

  init(_ base: Code, _ bounds: [Code?]) {
    self.base = base
    self.bounds = bounds
  }

  override func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value {
    let value = try base.evaluate(frame, rendering)
    let bounds = try bounds.map { try $0?.evaluate(frame, rendering) }
    try value.defined()
    switch value {
    case .string(let text): return .string(try PythonText.slice(text, try Self.integers(bounds), rendering))
    case .list(let list):
      return .list(List(try Self.slice(list.elements, bounds, rendering), depth: list.depth))
    case .tuple(let list):
      return .tuple(List(try Self.slice(list.elements, bounds, rendering), depth: list.depth))
    case .object(let object as RangeObject):
      let (start, stop, step) = SliceBounds(try Self.integers(bounds), count: object.length).asRange
      return .object(
        RangeObject(
          start: object.number(start), stop: object.number(stop), step: try object.step.times(step)))
    case .dict: throw PythonError("unhashable type: 'slice'")
    default: throw PythonError("'\(value.typeName)' object is not subscriptable")
    }
  }

  private static func integers(_ bounds: [Value?]) throws -> [Int?] {
    let integers = try bounds.map { bound -> Int? in
      guard let bound, !bound.isNone else { return nil }
      guard let integer = bound.index else {
        throw PythonError("slice indices must be integers or None or have an __index__ method")
      }
      return integer
    }
    if integers[2] == 0 { throw PythonError("slice step cannot be zero") }
    return integers
  }

  private static func slice(_ elements: [Value], _ bounds: [Value?], _ rendering: Rendering) throws -> [Value]
  {
    let places = SliceBounds(try integers(bounds), count: elements.count)
    try rendering.make(elements: places.count)
    return places.map { elements[$0] }
  }
}

/// The places that a slice takes of so many elements, as Python finds them.
struct SliceBounds: Sequence {
  private let start: Int
  private let step: Int
  let count: Int

  /// - Parameter bounds: start, stop and step; the step is not 0.
  init(_ bounds: [Int?], count length: Int) {
    // A step that is larger than all there is takes one element.
    step = Swift.max(-length - 1, Swift.min(bounds[2] ?? 1, length + 1))
    func clamped(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
      let place = bound < 0 ? (bound < -length ? -1 - length : bound) + length : bound
      return Swift.max(range.lowerBound, Swift.min(place, range.upperBound))
    }
    if step > 0 {
      start = bounds[0].map { clamped($0, 0...length) } ?? 0
      let stop = bounds[1].map { clamped($0, 0...length) } ?? length
      count = stop > start ? (stop - start - 1) / step + 1 : 0
    } else {
      start = bounds[0].map { clamped($0, -1...(length - 1)) } ?? length - 1
      let stop = bounds[1].map { clamped($0, -1...(length - 1)) } ?? -1
      count = stop < start ? (start - stop - 1) / -step + 1 : 0
    }
  }

  var asRange: (start: Int, stop: Int, step: Int) { (start, start + count * step, step) }

  func makeIterator() -> some IteratorProtocol<Int> {
    var place = start
    var left = count
    return AnyIterator { [step] in
      guard left > 0 else { return nil }
      defer {
        place += step
        left -= 1
      }
      return place
    }
  }
}

extension PythonText {
  /// The character of a number, counted from the end if it is negative; nil if there is none.
  static func character(_ text: [UInt8], _ index: Int) -> [UInt8]? {
    var number = index
    if index < 0 {
      guard index >= -text.count else { return nil }
      number += count(text)
      if number < 0 { return nil }
    }
    let place = place(text, ofCharacter: number)
    return place < text.count ? Array(text[place..<(place + length(text[place]))]) : nil
  }

  /// - Parameter bounds: in characters.
  static func slice(_ text: [UInt8], _ bounds: [Int?], _ rendering: Rendering) throws -> [UInt8] {
    try rendering.make(text.count)
    let places = SliceBounds(bounds, count: count(text))
    guard places.count > 0 else { return [] }
    let (start, stop, step) = places.asRange
    if step == 1 {
      let first = place(text, ofCharacter: start)
      let isToEnd = stop >= text.count
      return Array(text[first..<(isToEnd ? text.count : place(text, ofCharacter: stop))])
    }
    let scalars = scalars(text)
    return bytes(places.map { scalars[$0] })
  }
}

// One pass over the elements of a value.

struct Iteration {
  private enum Source {
    case list(List)
    case characters([UInt8])
    case keys(Dict)
    case values(Dict)
    case pairs(Dict)
    case numbers(RangeObject)
    case lazy(LazySequence)
    case nothing
  }
  private let source: Source
  private var at = 0

  static var nothing: Iteration { Iteration(source: .nothing) }
  static func list(_ list: List) -> Iteration { Iteration(source: .list(list)) }
  static func characters(_ text: [UInt8]) -> Iteration { Iteration(source: .characters(text)) }
  static func keys(_ dict: Dict) -> Iteration { Iteration(source: .keys(dict)) }
  static func values(_ dict: Dict) -> Iteration { Iteration(source: .values(dict)) }
  static func pairs(_ dict: Dict) -> Iteration { Iteration(source: .pairs(dict)) }
  static func numbers(_ range: RangeObject) -> Iteration { Iteration(source: .numbers(range)) }
  static func lazy(_ sequence: LazySequence) -> Iteration { Iteration(source: .lazy(sequence)) }

  private init(source: Source) { self.source = source }

  mutating func next(_ rendering: Rendering) throws -> Value? {
    switch source {
    case .list(let list):
      guard at < list.elements.count else { return nil }
      defer { at += 1 }
      return list.elements[at]
    case .characters(let text):
      guard at < text.count else { return nil }
      let length = PythonText.length(text[at])
      defer { at += length }
      return .string(Array(text[at..<(at + length)]))
    case .keys(let dict):
      guard at < dict.count else { return nil }
      defer { at += 1 }
      return dict.keys[at]
    case .values(let dict):
      guard at < dict.count else { return nil }
      defer { at += 1 }
      return dict.values[at]
    case .pairs(let dict):
      guard at < dict.count else { return nil }
      defer { at += 1 }
      return dict.pair(at)
    case .numbers(let range):
      guard at < range.length else { return nil }
      defer { at += 1 }
      return .integer(range.number(at))
    case .lazy(let sequence): return try sequence.next(rendering)
    case .nothing: return nil
    }
  }
}

/// An iterator or generator: its elements are made when they are asked for, once.
final class LazySequence: Object {
  private let kind: String
  private var make: ((Rendering) throws -> Value?)?
  private let level: Int

  /// - Parameters:
  ///   - kind: Python's name of the type.
  ///   - values: what `make` reads.
  init(_ kind: String, over values: [Value], _ make: @escaping (Rendering) throws -> Value?) throws {
    self.kind = kind
    self.make = make
    level = try Value.depth(around: values)
  }

  /// Passes over a value, which is looked at when the first element is asked for.
  convenience init(_ kind: String, over value: Value, _ begin: @escaping (Value) throws -> Iteration) throws {
    var iteration: Iteration?
    try self.init(kind, over: [value]) { rendering in
      if iteration == nil { iteration = try begin(value) }
      return try iteration!.next(rendering)
    }
  }

  override var typeName: String { kind }
  override func iteration() -> Iteration { .lazy(self) }
  override var depth: Int { level }

  func next(_ rendering: Rendering) throws -> Value? {
    try rendering.charge(1)
    guard let make else { return nil }
    if let value = try make(rendering) { return value }
    self.make = nil
    return nil
  }
}

extension Value {
  /// - Throws: if the value has no elements.
  func iterate() throws -> Iteration {
    switch self {
    case .list(let list), .tuple(let list): return .list(list)
    case .string(let text): return .characters(text)
    case .dict(let dict): return .keys(dict)
    case .undefined(let undefined):
      try undefined.use()
      return .nothing
    case .object(let object):
      if let iteration = try object.iteration() { return iteration }
    default: break
    }
    throw PythonError("'\(typeName)' object is not iterable")
  }

  /// All elements, in a list of the rendering's own.
  func elements(_ rendering: Rendering) throws -> [Value] {
    switch self {
    case .list(let list), .tuple(let list): return list.elements
    default:
      var iteration = try iterate()
      var elements: [Value] = []
      while let element = try iteration.next(rendering) {
        try rendering.charge(1)
        try rendering.make(elements: 1)
        elements.append(element)
      }
      return elements
    }
  }

  /// What `len` counts.
  func count() throws -> Int {
    switch self {
    case .string(let text): return PythonText.count(text)
    case .list(let list), .tuple(let list): return list.elements.count
    case .dict(let dict): return dict.count
    case .undefined(let undefined):
      try undefined.use()
      return 0
    case .object(let object):
      if let count = try object.count { return count }
    default: break
    }
    throw PythonError("object of type '\(typeName)' has no len()")
  }
}

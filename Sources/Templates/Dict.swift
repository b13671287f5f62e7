// Python's dict: pairs in the order in which their keys came first.

/// Templates cannot change it.
final class Dict {
  let keys: [Value]
  let values: [Value]
  let depth: Int
  /// Where each key stands, once there are many.
  private lazy var places: [HashedKey: Int] = {
    var places: [HashedKey: Int] = [:]
    for (place, key) in keys.enumerated() { places[HashedKey(key)] = place }
    return places
  }()

  /// Up to so many keys are compared one by one.
  private static let few = 12

  /// - Parameter keys: none twice, and all of kinds that have a hash.
  init(keys: [Value], values: [Value]) throws {
    self.keys = keys
    self.values = values
    depth = try max(Value.depth(around: values), Value.depth(around: keys))
  }

  var count: Int { keys.count }

  func place(of key: [UInt8]) -> Int? {
    if keys.count > Self.few { return places[HashedKey(.string(key))] }
    for (place, known) in keys.enumerated() {
      if case .string(let bytes) = known, bytes == key { return place }
    }
    return nil
  }

  /// - Throws: if the key has no hash.
  func place(of key: Value) throws -> Int? {
    if case .string(let bytes) = key { return place(of: bytes) }
    try key.checkHash()
    if keys.count > Self.few { return places[HashedKey(key)] }
    return try keys.firstIndex { try $0.isEqual(to: key) }
  }

  subscript(_ key: [UInt8]) -> Value? { place(of: key).map { values[$0] } }

  func pair(_ place: Int) -> Value {
    .tuple(List([keys[place], values[place]], depth: max(keys[place].depth, values[place].depth) + 1))
  }
}

/// Makes a dict of pairs, where later values of a key win.
struct DictBuilder {
  private var keys: [Value] = []
  private var values: [Value] = []
  private var places: [HashedKey: Int] = [:]

  init() {}

  init(_ dict: Dict) {
    keys = dict.keys
    values = dict.values
    for (place, key) in keys.enumerated() { places[HashedKey(key)] = place }
  }

  /// - Throws: if the key has no hash.
  mutating func set(_ key: Value, _ value: Value) throws {
    try key.checkHash()
    let hashed = HashedKey(key)
    if let place = places[hashed] {
      values[place] = value
    } else {
      places[hashed] = keys.count
      keys.append(key)
      values.append(value)
    }
  }

  func dict() throws -> Dict { try Dict(keys: keys, values: values) }
}

/// A key with Python's equality, in which 1, 1.0 and True are one.
struct HashedKey: Hashable {
  let key: Value
  /// - Parameter key: checked by `checkHash`.
  init(_ key: Value) { self.key = key }

  static func == (a: HashedKey, b: HashedKey) -> Bool { (try? a.key.isEqual(to: b.key)) ?? false }

  func hash(into hasher: inout Hasher) { key.hash(into: &hasher) }
}

extension Value {
  /// - Throws: as Python does for keys that may change.
  func checkHash() throws {
    switch self {
    case .list, .dict: throw PythonError("unhashable type: '\(typeName)'")
    case .tuple(let list): for element in list.elements { try element.checkHash() }
    default: break
    }
  }

  fileprivate func hash(into hasher: inout Hasher) {
    switch self {
    case .undefined: hasher.combine(3)
    case .none: hasher.combine(5)
    case .bool(let value): hasher.combine(value ? 1 : 0)
    case .integer(let value): hasher.combine(value)
    case .float(let value):
      if let whole = Int(exactly: value) { hasher.combine(whole) } else { hasher.combine(value) }
    case .string(let bytes): hasher.combine(bytes)
    case .list(let list), .tuple(let list): for element in list.elements { element.hash(into: &hasher) }
    case .dict: break
    case .object(let object): hasher.combine(ObjectIdentifier(object))
    }
  }
}

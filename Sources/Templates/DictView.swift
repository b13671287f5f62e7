// What a dict's `keys`, `values` and `items` give.

final class DictView: Object {
  enum Kind: String {
    case keys, values, items
  }
  private let kind: Kind
  private let dict: Dict
  private let level: Int

  init(_ kind: Kind, _ dict: Dict) throws {
    self.kind = kind
    self.dict = dict
    level = try Value.depth(around: [.dict(dict)])
  }

  override var typeName: String { "dict_\(kind.rawValue)" }
  override var depth: Int { level }
  override var isTrue: Bool { dict.count > 0 }
  override var count: Int? { dict.count }
  override func iteration() -> Iteration {
    switch kind {
    case .keys: .keys(dict)
    case .values: .values(dict)
    case .items: .pairs(dict)
    }
  }
  override func representation(_ rendering: Rendering) throws -> [UInt8] {
    let elements = try Value.object(self).elements(rendering)
    let list = try Value.list(List(elements)).representation(rendering)
    return Array("\(typeName)(".utf8) + list + [UInt8(ascii: ")")]
  }
  override func isEqual(to other: Object) throws -> Bool {
    guard let other = other as? DictView, kind == other.kind, kind != .values else { return self === other }
    guard dict.count == other.dict.count else { return false }
    return try kind == .items
      ? Value.dict(dict).isEqual(to: .dict(other.dict))
      : dict.keys.allSatisfy { try other.dict.place(of: $0) != nil }
  }
}

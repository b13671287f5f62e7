// Reads YAML into the same values as JSON, so that one strict reader serves both.
import Base
import Foundation
import Yams

extension JSON {
  /// - Throws: one line with the place of a syntax error.
  static func yaml(_ text: String, file: String) throws -> JSON {
    // Windows editors begin files with a byte-order mark.
    let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    try YAMLAliases.check(text, file: file)
    do {
      guard let node = try Yams.compose(yaml: text) else { return .null }
      var budget = 100_000
      return try JSON(node, file: file, budget: &budget)
    } catch let error as YamlError {
      throw UserError(.usage, "is not YAML: \(oneLine(error))", at: file)
    }
  }

  private init(_ node: Node, file: String, budget: inout Int) throws {
    // Aliases can make a small file stand for billions of values.
    budget -= 1
    guard budget > 0 else { throw UserError(.usage, "holds too many values", at: file) }
    switch node {
    case .mapping(let mapping):
      var members: [JSON.Member] = []
      for (key, value) in mapping {
        guard let name = key.string else { throw UserError(.usage, "has a key that is no text", at: file) }
        members.append(
          JSON.Member(key: Array(name.utf8), value: try JSON(value, file: file, budget: &budget)))
      }
      self = .object(members)
    case .sequence(let sequence):
      var elements: [JSON] = []
      for element in sequence { elements.append(try JSON(element, file: file, budget: &budget)) }
      self = .array(elements)
    case .scalar(let scalar): self = JSON.plain(scalar)
    default: throw UserError(.usage, "has an alias that leads nowhere", at: file)
    }
  }

  /// The YAML 1.2 core schema: what is not null, boolean or a number is a text.
  private static func plain(_ scalar: Node.Scalar) -> JSON {
    guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
    let text = scalar.string
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: break
    }
    let digits = text.replacingOccurrences(of: "_", with: "")
    if let value = Int(digits) { return .integer(value) }
    if text.contains(where: \.isNumber), !text.contains("x"), let value = Double(digits) {
      return .number(value)
    }
    return .string(text)
  }

  private static func oneLine(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "\(problem) in line \(mark.line), column \(mark.column)"
    case .duplicatedKeysInMapping(let duplicates, _): "a key stands twice: \(duplicates)"
    default: "\(error)".split(separator: "\n").joined(separator: " ")
    }
  }
}

extension JSON {
  /// The value as block YAML that reads back to the same value.
  package func yaml(indent: Int = 0) -> String {
    let space = String(repeating: "  ", count: indent)
    guard case .object(let members) = self else { return encoded() }
    return members.map { member in
      let key = String(decoding: member.key, as: UTF8.self)
      if let inner = member.value.members, !inner.isEmpty {
        return "\(space)\(key):\n\(member.value.yaml(indent: indent + 1))"
      }
      return "\(space)\(key): \(member.value.encoded())\n"
    }.joined()
  }

  /// Sets the value at a path of keys, making mappings on the way.
  mutating func set(_ path: ArraySlice<Substring>, to value: JSON) {
    guard let first = path.first else {
      self = value
      return
    }
    // What may be written as a name alone is a mapping with that name: `method: lora`, then `method.rank=4`.
    let name = text.map { [JSON.Member(key: Array("name".utf8), value: .string($0))] }
    var members = members ?? name ?? []
    let key = Array(first.utf8)
    let index = members.firstIndex { $0.key == key } ?? members.count
    if index == members.count { members.append(JSON.Member(key: key, value: .null)) }
    members[index].value.set(path.dropFirst(), to: value)
    self = .object(members)
  }
}

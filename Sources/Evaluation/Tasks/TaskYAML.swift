// Reads YAML as PyYAML does, which is YAML 1.1: `yes` and `off` are truth values, and `!function` names Python.
import Base
import Yams

enum TaskYAML {
  /// The key of an object that stands for a function of Python.
  static let function = "!function"
  private static let mostValues = 100_000

  /// - Throws: one line with the place of a syntax error.
  static func read(_ text: String, file: String) throws -> JSON {
    try YAMLAliases.check(text, file: file)
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch let error as YamlError {
      throw UserError(.usage, "is not YAML: \(oneLine(error))", at: file)
    }
    guard let node else { return .null }
    var left = mostValues
    return try value(node, file: file, &left)
  }

  private static func value(_ node: Node, file: String, _ left: inout Int) throws -> JSON {
    // Aliases can make a small file stand for billions of values.
    left -= 1
    guard left > 0 else { throw UserError(.usage, "holds too many values", at: file) }
    switch node {
    case .mapping(let mapping):
      var merged: [JSON.Member] = []
      var own: [JSON.Member] = []
      for (key, node) in mapping {
        guard let name = key.scalar?.string else {
          throw UserError(.usage, "has a key that is no text", at: file)
        }
        let value = try value(node, file: file, &left)
        if name == "<<" {
          for part in value.elements ?? [value] { merged += part.members ?? [] }
        } else {
          own.append(JSON.Member(key: Array(name.utf8), value: value))
        }
      }
      let names = Set(own.map(\.key))
      return .object(merged.filter { !names.contains($0.key) } + own)
    case .sequence(let sequence):
      return .array(try sequence.map { try value($0, file: file, &left) })
    case .scalar(let scalar):
      if scalar.tag.description == function {
        return .object([JSON.Member(key: Array(function.utf8), value: .string(scalar.string))])
      }
      return plain(scalar)
    default: throw UserError(.usage, "has an alias that leads nowhere", at: file)
    }
  }

  private static func plain(_ scalar: Node.Scalar) -> JSON {
    guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
    let text = scalar.string
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": return .bool(true)
    case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": return .bool(false)
    default: break
    }
    let digits = text.replacing("_", with: "")
    if let value = Int(digits) { return .integer(value) }
    // An exponent needs a point before it and a sign, as in 1.0e-3.
    guard digits.contains("."), digits.contains(where: \.isNumber),
      digits.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }),
      let value = Double(digits.last == "." ? digits + "0" : digits)
    else { return .string(text) }
    return .number(value)
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

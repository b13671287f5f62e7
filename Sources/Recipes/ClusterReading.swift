// Values that only the description of a cluster has.
import Base

extension Section {
  /// A number with a unit, such as `64G`; the default, or nil, if there is a mistake.
  /// - Parameter kind: what is meant, for messages.
  func amount(_ key: String, _ kind: String, default fallback: Double? = nil) -> Double? {
    guard let given = raw(key) else {
      if let fallback {
        record(key, .number(fallback))
      } else {
        fail(key, "is missing", hint: "give \(kind)")
      }
      return fallback
    }
    record(key, given)
    guard let amount = Amount(text: given.text ?? given.encoded()) else {
      fail(key, "is \(given.encoded()), where \(kind) is meant")
      return fallback
    }
    return amount.value
  }

  /// Seconds: `50us` and `2ms`, or what `training.time_limit` takes.
  func duration(_ key: String, _ kind: String, default fallback: Double) -> Double {
    guard let given = raw(key) else {
      record(key, .number(fallback))
      return fallback
    }
    record(key, given)
    let text = given.text ?? given.encoded()
    for (unit, factor) in [("us", 1e-6), ("ms", 1e-3)] where text.hasSuffix(unit) {
      if let number = Double(text.dropLast(unit.count)), number > 0, number < 1e9 { return number * factor }
    }
    if let value = seconds(of: text) { return value }
    fail(key, "is \(given.encoded()), where \(kind) is meant")
    return fallback
  }

  /// A mapping of names to texts, numbers or true and false, in its order.
  func pairs(_ key: String) -> [Cluster.Pair] {
    let section = section(key)
    return section.names.compactMap { name in
      guard let value = section.raw(name) else { return nil }
      section.record(name, value)
      guard value.members == nil, value.elements == nil else {
        section.fail(name, "is \(value.kind), where one value is meant")
        return nil
      }
      return Cluster.Pair(name: name, value: value.text ?? value.encoded())
    }
  }

  /// Nested keys with values as settings `section.key=value`, whose values are YAML.
  func assignments(_ key: String) -> [String] {
    func flat(_ json: JSON, _ path: String) -> [String] {
      guard let members = json.members, !members.isEmpty else {
        // A text that YAML would read as a number or a list keeps its quotes.
        return ["\(path)=\(json.encoded())"]
      }
      return members.flatMap { member in
        let name = String(decoding: member.key, as: UTF8.self)
        return flat(member.value, path.isEmpty ? name : path + "." + name)
      }
    }
    guard let json = raw(key) else { return [] }
    record(key, json)
    guard json.members != nil else {
      fail(key, "is \(json.kind), where keys of a recipe with values are meant")
      return []
    }
    return flat(json, "")
  }

  /// A range of ports such as `20000-20999`; nil if it is absent or a mistake.
  package func ports(_ key: String) -> ClosedRange<Int>? {
    guard let given = raw(key) else { return nil }
    record(key, given)
    let ends = (given.text ?? given.encoded()).split(separator: "-").map { Int($0) }
    if ends.count == 2, let first = ends[0], let last = ends[1], first <= last, first >= 1024, last <= 65_535
    {
      return first...last
    }
    fail(key, "is \(given.encoded()), which is no range of ports", hint: "such as 20000-20999")
    return nil
  }
}

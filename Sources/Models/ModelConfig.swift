// config.json as transformers 5 reads it: each key has a type of its own, and a null is a value.
import Base

/// Reads keys as the fields of transformers' configuration classes, which refuse a value of another type: a folder
/// that is read here loads there too. A key that is absent has its class's default.
package struct ModelConfig {
  private let section: Section
  private let json: JSON

  /// - Parameter file: what messages name.
  package init(_ json: JSON, file: String, problems: Problems) {
    self.json = json
    section = Section(json, file: file, code: .data, problems: problems)
  }

  private init(_ section: Section, _ json: JSON) {
    self.section = section
    self.json = json
  }

  /// Whether a key is present, with a null too.
  func isGiven(_ key: String) -> Bool { json[key] != nil }

  /// The name that a file uses of two names for one field; the second wins if the file has both.
  func name(_ own: String, or common: String) -> String { isGiven(common) ? common : own }

  func fail(_ key: String, _ what: String, hint: String = "") { section.fail(key, what, hint: hint) }

  /// - Parameter orNull: whether a null means the default too.
  func integer(
    _ key: String, default fallback: Int, in range: ClosedRange<Int>, orNull: Bool = false
  ) -> Int {
    let isRight = isOfType(key, "a whole number", orNull: orNull) {
      if case .integer = $0 { true } else { false }
    }
    return isRight ? section.integer(key, default: fallback, in: range) : fallback
  }

  /// A number with a point or an exponent.
  func float(_ key: String, default fallback: Double, in range: ClosedRange<Double>) -> Double {
    let isRight = isOfType(key, "a number with a point") { if case .number = $0 { true } else { false } }
    return isRight ? section.number(key, default: fallback, in: range) : fallback
  }

  /// A number of either kind.
  /// - Parameter fallback: nil if the key is required.
  func number(
    _ key: String, default fallback: Double?, in range: ClosedRange<Double>, orNull: Bool = false
  ) -> Double {
    let isRight = isOfType(key, "a number", orNull: orNull) { $0.double != nil }
    return isRight ? section.number(key, default: fallback, in: range) : fallback ?? range.lowerBound
  }

  func bool(_ key: String, default fallback: Bool) -> Bool {
    isOfType(key, "true or false") { $0.bool != nil } ? section.bool(key, default: fallback) : fallback
  }

  func text(_ key: String, default fallback: String? = nil) -> String {
    isOfType(key, "a text") { $0.text != nil } ? section.text(key, default: fallback) : fallback ?? ""
  }

  /// A whole number or a list of whole numbers; an empty list for a null.
  func integers(_ key: String, default fallback: [Int]) -> [Int] {
    guard let value = json[key] else { return fallback }
    let elements = value.isNull ? [] : value.elements ?? [value]
    let integers = elements.compactMap { if case .integer(let value) = $0 { value } else { nil } }
    guard integers.count == elements.count else {
      fail(key, "is \(value.encoded().printable(80)), where a whole number or a list of them is meant")
      return fallback
    }
    return integers
  }

  /// A list of numbers; empty if it is absent or null.
  func numbers(_ key: String) -> [Double] {
    guard let value = json[key], !value.isNull else { return [] }
    let numbers = (value.elements ?? []).compactMap(\.double)
    guard let elements = value.elements, numbers.count == elements.count else {
      fail(key, "is \(value.kind), where a list of numbers is meant")
      return []
    }
    return numbers
  }

  /// A list of texts; empty if it is absent or null.
  func texts(_ key: String) -> [String] {
    guard let value = json[key], !value.isNull else { return [] }
    let texts = (value.elements ?? []).compactMap(\.text)
    guard let elements = value.elements, texts.count == elements.count else {
      fail(key, "is \(value.kind), where a list of texts is meant")
      return []
    }
    return texts
  }

  func isText(_ key: String) -> Bool { json[key]?.text != nil }

  func isNull(_ key: String) -> Bool { json[key]?.isNull == true }

  /// The keys and values of an object.
  var members: [(key: String, value: JSON)] {
    (json.members ?? []).map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
  }

  /// A nested object; empty if it is absent or null.
  func part(_ key: String) -> ModelConfig { ModelConfig(section.section(key), json[key] ?? .null) }

  var isEmpty: Bool { json.members?.isEmpty ?? true }

  /// Reports a value that does not have the type of its key.
  private func isOfType(
    _ key: String, _ kind: String, orNull: Bool = false, _ matches: (JSON) -> Bool
  ) -> Bool {
    guard let value = json[key] else { return true }
    if value.isNull ? orNull : matches(value) { return true }
    fail(key, "is \(value.kind), where \(kind) is meant")
    return false
  }
}

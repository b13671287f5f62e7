// The layers of a model whose modules are meant, as PEFT reads `layers_to_transform` and `layers_pattern`.
import Base

package struct LayerChoice: Sendable {
  private let numbers: [Int]
  /// Expressions of the name that a layer's number follows; empty for any name.
  private let patterns: [String]

  /// `layers` and `layers_pattern` of a recipe; nil where no layers are given.
  init?(_ settings: Section) {
    let (given, pattern) = (settings.raw("layers"), settings.raw("layers_pattern"))
    if let pattern { settings.record("layers_pattern", pattern) }
    guard let given else {
      if pattern != nil { settings.fail("layers_pattern", "is given without layers") }
      return nil
    }
    settings.record("layers", given)
    guard let choice = LayerChoice(given, pattern: pattern), !choice.numbers.isEmpty else {
      settings.fail(
        "layers", "is \(given.encoded().printable(40)), where a number or a list of them is meant")
      return nil
    }
    self = choice
    for pattern in patterns where (try? Regex(pattern)) == nil {
      settings.fail("layers_pattern", "has \(pattern.quoted), which is no regular expression")
    }
  }

  /// - Parameters:
  ///   - numbers: a number, or a list of them.
  ///   - pattern: an expression, or a list of them.
  /// - Returns: nil where something else is there.
  init?(_ numbers: JSON, pattern: JSON?) {
    guard let all = numbers.elements ?? (numbers.integer == nil ? nil : [numbers]) else { return nil }
    self.numbers = all.compactMap(\.integer)
    guard self.numbers.count == all.count else { return nil }
    patterns = pattern.map { $0.elements ?? [$0] }?.compactMap(\.text).filter { !$0.isEmpty } ?? []
  }

  /// The number of a module's layer: the last number that follows such a name, which is not the first.
  private func layer(of module: String) -> Int? {
    for pattern in patterns.isEmpty ? ["[^.]*"] : patterns {
      guard let found = try? Regex(".*\\.(?:\(pattern))\\.(?<number>[0-9]+)\\.").prefixMatch(in: module)
      else { continue }
      return found["number"]?.substring.flatMap { Int($0) }
    }
    return nil
  }

  func contains(_ module: String) -> Bool {
    // PEFT takes an empty list as none.
    numbers.isEmpty || layer(of: module).map(numbers.contains) == true
  }

  /// - Throws: every number that is no layer of these modules.
  func check(_ modules: [String]) throws {
    let known = Set(modules.compactMap(layer)).sorted()
    let problems = Problems()
    for number in numbers where !known.contains(number) {
      problems.add(
        .usage, "has \(number), which is no layer of a target", at: "method.layers",
        hint: known.isEmpty
          ? "no target is in a layer" : "there are \(known.map(String.init).joined(separator: ", "))")
    }
    try problems.throwIfAny()
  }

  var numbersJSON: JSON { .array(numbers.map { .integer($0) }) }
  var patternJSON: JSON { patterns.isEmpty ? .null : .array(patterns.map { .string($0) }) }
}

// space.yaml: which settings of a recipe are tried, and from which ranges.
import Base
import Foundation

/// What values a setting may have.
package enum SettingRange: Sendable {
  /// Numbers between two bounds, as likely in each part of the range, or of its logarithm.
  case uniform(ClosedRange<Double>)
  case log(ClosedRange<Double>)
  /// Whole numbers between two bounds, both included.
  case int(ClosedRange<Int>)
  /// Some values.
  case choice([JSON])

  private static let kinds = ["log", "uniform", "int", "choice"]

  /// nil if there is a mistake, which the section reports.
  fileprivate init?(_ section: Section) {
    let given = Self.kinds.filter { section.has($0) }
    guard given.count == 1, let kind = given.first, let values = section.raw(kind)?.elements else {
      section.failWhole(
        given.count == 1
          ? "has a \(given[0]) that is no list"
          : "names \(given.isEmpty ? "no" : "more than one") kind of range",
        hint: "give one of log: [low, high], uniform: [low, high], int: [low, high], choice: [a, b]")
      return nil
    }
    section.record(kind, .array(values))
    if kind == "choice" {
      guard !values.isEmpty else {
        section.fail(kind, "is an empty list")
        return nil
      }
      self = .choice(values)
      return
    }
    let numbers = values.compactMap(\.double)
    guard values.count == 2, numbers.count == 2, numbers[0] <= numbers[1], numbers.allSatisfy(\.isFinite)
    else {
      section.fail(kind, "is no [low, high] with low at most high")
      return nil
    }
    switch kind {
    case "int":
      guard let low = values[0].integer, let high = values[1].integer else {
        section.fail(kind, "has bounds that are no whole numbers", hint: "use uniform")
        return nil
      }
      self = .int(low...high)
    case "log":
      guard numbers[0] > 0 else {
        section.fail(kind, "begins at \(numbers[0]), which has no logarithm", hint: "begin above 0")
        return nil
      }
      self = .log(numbers[0]...numbers[1])
    default: self = .uniform(numbers[0]...numbers[1])
    }
  }

  /// The value at a place from 0 to below 1.
  func value(at place: Double) -> JSON {
    switch self {
    case .uniform(let range): .number(range.lowerBound + place * (range.upperBound - range.lowerBound))
    case .log(let range):
      .number(
        min(
          max(range.lowerBound * pow(range.upperBound / range.lowerBound, place), range.lowerBound),
          range.upperBound))
    case .int(let range):
      .integer(min(range.lowerBound + Int(place * Double(range.count)), range.upperBound))
    case .choice(let values): values[min(Int(place * Double(values.count)), values.count - 1)]
    }
  }

  /// So many values from one end to the other; all where they are few.
  func grid(_ points: Int) -> [JSON] {
    switch self {
    case .choice(let values): return values
    case .int(let range) where range.count <= points: return range.map { .integer($0) }
    default:
      return (0..<points).map { point in
        let share = points == 1 ? 0.5 : Double(point) / Double(points - 1)
        if case .int(let range) = self {
          return .integer(range.lowerBound + Int((share * Double(range.count - 1)).rounded()))
        }
        return value(at: share)
      }
    }
  }
}

/// A setting with its range.
package struct SearchedSetting: Sendable {
  /// `section.key` of a recipe.
  package let key: String
  let range: SettingRange
  /// The settings with which alone it is there: a value for each key.
  let condition: [(key: String, value: JSON)]
}

package struct SearchSpace: Sendable {
  /// In the order of the file.
  package let settings: [SearchedSetting]

  /// - Parameter top: of the file, whose problems take all mistakes.
  package init(_ top: Section) {
    var settings: [SearchedSetting] = []
    for key in top.names {
      let section = top.section(key)
      let range = SettingRange(section)
      var condition: [(key: String, value: JSON)] = []
      if section.has("when") {
        let when = section.section("when")
        for name in when.names {
          guard let value = when.raw(name) else { continue }
          when.record(name, value)
          if !settings.contains(where: { $0.key == name }) {
            when.fail(name, "is no setting that stands before \(key)", hint: "list it first")
          }
          condition.append((name, value))
        }
      }
      if key == "output" { top.fail(key, "is where results go, and cannot be searched") }
      if let range { settings.append(SearchedSetting(key: key, range: range, condition: condition)) }
    }
    if top.names.isEmpty {
      top.failWhole("names no setting", hint: "optimizer.learning_rate: {log: [1e-5, 1e-2]}")
    }
    self.settings = settings
  }

  /// The values of the settings that are there, by what each would be.
  func trial(_ values: [JSON]) -> [(key: String, value: JSON)] {
    var chosen: [(key: String, value: JSON)] = []
    for (setting, value) in zip(settings, values) {
      let isThere = setting.condition.allSatisfy { condition in
        chosen.contains { $0.key == condition.key && $0.value == condition.value }
      }
      if isThere { chosen.append((setting.key, value)) }
    }
    return chosen
  }
}

// A setting of a merge: one number, one for each part of the layers, or one for the tensors whose names hold a text.
import Base

/// As mergekit has it: a number or truth value; a list of them, from the first layer to the last; or a list of
/// `{filter, value}`, whose first match counts.
struct MergeSetting {
  private indirect enum Form {
    case number(Double)
    case gradient([Double])
    case conditions([(filter: String?, value: MergeSetting)])
  }

  private let form: Form

  /// nil where something else stands there.
  init?(_ json: JSON, depth: Int = 0) {
    guard depth < 8 else { return nil }
    if let number = Self.number(json) {
      form = .number(number)
    } else if json.members != nil {
      guard let condition = Self.condition(json, depth) else { return nil }
      form = .conditions([condition])
    } else if let elements = json.elements, !elements.isEmpty {
      let numbers = elements.compactMap(Self.number)
      if numbers.count == elements.count {
        form = .gradient(numbers)
      } else {
        let conditions = elements.compactMap { Self.condition($0, depth) }
        guard conditions.count == elements.count else { return nil }
        form = .conditions(conditions)
      }
    } else {
      return nil
    }
  }

  private static func number(_ json: JSON) -> Double? {
    let number = json.double ?? json.bool.map { $0 ? 1 : 0 }
    return number.flatMap { $0.isFinite ? $0 : nil }
  }

  private static func condition(_ json: JSON, _ depth: Int) -> (filter: String?, value: MergeSetting)? {
    guard let members = json.members,
      members.allSatisfy({ ["filter", "value"].contains(String(decoding: $0.key, as: UTF8.self)) }),
      let value = json["value"].flatMap({ MergeSetting($0, depth: depth + 1) })
    else { return nil }
    let filter = json["filter"]
    guard filter == nil || filter?.isNull == true || filter?.text != nil else { return nil }
    return (filter?.text, value)
  }

  /// The value for a tensor; nil if no filter is for it.
  /// - Parameter part: where its layer lies among those of its slice, from 0 to 1.
  func value(for tensor: String, part: Double) -> Double? {
    switch form {
    case .number(let number): return number
    case .gradient(let numbers):
      let scaled = part * Double(numbers.count - 1)
      let first = min(max(Int(scaled), 0), numbers.count - 1)
      let share = scaled - Double(first)
      return (1 - share) * numbers[first] + share * numbers[min(first + 1, numbers.count - 1)]
    case .conditions(let conditions):
      let match = conditions.first { condition in
        guard let filter = condition.filter, filter != "*" else { return true }
        return tensor.contains(filter)
      }
      return match?.value.value(for: tensor, part: part)
    }
  }
}

/// The settings of one place of a recipe, by name.
struct MergeSettings {
  private var settings: [String: MergeSetting] = [:]

  /// Reads `parameters` of a section, which may have those of any method. The section reports mistakes.
  /// - Parameter method: whose settings count; those of other methods are told to `note`.
  init(_ section: Section, of method: any MergeMethod, note: (String) -> Void) {
    let section = section.section("parameters")
    let own = method.parameters.map(\.name)
    let known = Set(mergeMethods.flatMap { $0.parameters.map(\.name) })
    for name in section.names {
      guard known.contains(name) else {
        section.fail(
          name, "is no setting of a merge",
          hint: nearest(to: name, among: own).map { "did you mean \($0)?" }
            ?? "\(method.name) has \(own.joined(separator: ", "))")
        _ = section.raw(name)
        continue
      }
      guard let json = section.raw(name) else { continue }
      section.record(name, json)
      guard let setting = MergeSetting(json) else {
        section.fail(
          name, "is no number, list of numbers, or list of {filter, value}")
        continue
      }
      if !own.contains(name) { note("\(section.keyPath(name)) is nothing that \(method.name) reads") }
      settings[name] = setting
    }
  }

  subscript(name: String) -> MergeSetting? { settings[name] }
}

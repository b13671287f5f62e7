// What stands beside the list of a recipe's tasks or adapters holds for each of them that does not say otherwise.
import Base

/// A list of a recipe whose entries take over settings of sections beside it.
struct SharedSettings {
  /// The key of the list.
  let list: String
  /// The sections that go into each entry.
  let sections: [String]
  /// Those that a recipe with such a list has no more of its own.
  let moved: [String]
  /// Sections of entries in which settings of the command line win.
  var forced: [String] = []
  /// Settings of a section that are for one another's place: who gives one of them takes over none.
  private static let alternatives = ["train", "sources"]

  static let all = [
    SharedSettings(list: TasksRecipe.key, sections: ["data"], moved: ["data"]),
    SharedSettings(
      list: AdaptersRecipe.key, sections: ["data", "method", "schedule"], moved: ["data", "method"],
      forced: ["optimizer"]),
  ]

  /// A recipe whose entries hold what they take over.
  /// - Parameter overrides: paths of keys that the command line sets, which win over those of entries.
  static func spread(_ json: JSON, overrides: [String]) -> JSON {
    all.reduce(json) { $1.spread($0, overrides: overrides) }
  }

  private func spread(_ json: JSON, overrides: [String]) -> JSON {
    let entries = json[list]?.elements ?? (json[list]?.members == nil ? nil : [json[list] ?? .null])
    guard let members = json.members, let entries,
      moved.allSatisfy({ Self.isMapping(json[$0]) || json[$0]?.text != nil && $0 != "data" })
    else { return json }
    let filled = entries.map { entry -> JSON in
      let given = entry.text.map { JSON.object(["name": .string($0)]) } ?? entry
      guard given.members != nil else { return entry }
      return sections.reduce(forced.reduce(given) { clear($0, $1, overrides) }) {
        fill($0, $1, from: json[$1], overrides)
      }
    }
    return .object(
      members.filter { !([list] + moved).contains(Self.name($0)) }
        + [JSON.Member(key: Array(list.utf8), value: .array(filled))])
  }

  /// An entry with its section and what this takes over.
  private func fill(_ entry: JSON, _ section: String, from common: JSON?, _ overrides: [String]) -> JSON {
    let entry = clear(entry, section, overrides)
    let isNamed = section != "data"
    guard let own = Self.settings(entry[section], isNamed: isNamed),
      let usual = Self.settings(common, isNamed: isNamed)
    else { return entry }
    func text(_ members: [JSON.Member]) -> String? { members.first { Self.name($0) == "name" }?.value.text }
    // Another method or schedule has other settings.
    if let name = text(own), let other = text(usual), name != other {
      return Self.setting(entry, section, .object(own))
    }
    let names = Set(own.map(Self.name))
    let isAlternative = !names.isDisjoint(with: Self.alternatives)
    let inherited = usual.filter {
      !names.contains(Self.name($0)) && !(isAlternative && Self.alternatives.contains(Self.name($0)))
    }
    let all = inherited + own
    return all.isEmpty ? entry : Self.setting(entry, section, .object(all))
  }

  /// An entry without what the command line sets in one of its sections.
  private func clear(_ entry: JSON, _ section: String, _ overrides: [String]) -> JSON {
    let forced = Set(
      overrides.compactMap { path -> String? in
        let parts = path.split(separator: ".")
        return parts.count > 1 && parts[0] == section ? String(parts[1]) : nil
      })
    guard !forced.isEmpty, let own = entry[section]?.members else { return entry }
    return Self.setting(entry, section, .object(own.filter { !forced.contains(Self.name($0)) }))
  }

  private static func name(_ member: JSON.Member) -> String { String(decoding: member.key, as: UTF8.self) }

  private static func isMapping(_ json: JSON?) -> Bool { json.map { $0.isNull || $0.members != nil } ?? true }

  /// The settings of a section; nil for what is none.
  /// - Parameter isNamed: whether a text is the name.
  private static func settings(_ json: JSON?, isNamed: Bool) -> [JSON.Member]? {
    guard let json, !json.isNull else { return [] }
    guard isNamed, let text = json.text else { return json.members }
    return [JSON.Member(key: Array("name".utf8), value: .string(text))]
  }

  private static func setting(_ entry: JSON, _ key: String, _ value: JSON) -> JSON {
    .object(
      (entry.members ?? []).filter { name($0) != key } + [JSON.Member(key: Array(key.utf8), value: value)])
  }
}

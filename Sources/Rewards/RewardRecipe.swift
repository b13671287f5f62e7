// `rewards:` of a recipe: names, or mappings with a name, a weight and settings.
import Base

package struct RewardRecipe: Sendable {
  package enum Source: Sendable {
    case function(any Reward)
    case command(String, timeout: Double)
    /// The folder of a reward model.
    case model(String)
  }

  package let source: Source
  /// For metrics: `reward/NAME`.
  package let name: String
  package let weight: Double

  /// - Parameter section: its key `rewards` has a list.
  /// - Returns: nothing if there is a mistake, which the section keeps.
  package static func list(_ section: Section) -> [RewardRecipe] {
    guard section.has("rewards") else {
      section.fail("rewards", "is missing", hint: "such as [exact_match]; there are \(names)")
      return []
    }
    let rewards = section.sectionList("rewards", naming: "name").compactMap { RewardRecipe($0) }
    let twice = rewards.map(\.name).first { name in rewards.count { $0.name == name } > 1 }
    if let twice { section.fail("rewards", "has \(twice) twice", hint: "one weight says it") }
    return rewards
  }

  private static var names: String {
    rewardKinds.map { $0.name }.joined(separator: ", ") + ", command, model"
  }

  private init?(_ section: Section) {
    weight = section.number("weight", default: 1)
    if section.has("command") {
      let command = section.text("command")
      source = .command(command, timeout: section.number("timeout", default: 60, in: 0.001...86400))
      name = section.text("name", default: "command")
      return
    }
    if section.has("model") {
      source = .model(section.filePath("model"))
      name = section.text("name", default: "model")
      return
    }
    let name = section.text("name")
    self.name = name
    guard let kind = rewardKinds.first(where: { $0.name == name }) else {
      if !name.isEmpty {
        section.fail(
          "name", "is \(name.quoted), which is no reward",
          hint: nearest(to: name, among: rewardKinds.map { $0.name }).map { "did you mean \($0)?" }
            ?? "there are \(Self.names)")
      }
      return nil
    }
    source = .function(kind.init(section))
  }
}

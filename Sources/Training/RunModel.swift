// The model of a run, as its folder describes it and its recipe fine-tunes it.
import Base
import Checkpoints
import Collectives
import Models
import Recipes

struct RunModel {
  let description: ModelDescription
  private(set) var base: RunBase
  /// Of the folder that the run began with; on the first rank only.
  private(set) var companions: CompanionFiles

  /// Collective.
  /// - Parameter recipe: settled.
  init(_ recipe: Recipe, ranks: Ranks) throws {
    (description, companions) = try ranks.together {
      let description = try recipe.describeModel()
      try description.checkFits(
        folder: recipe.model, type: recipe.elementType, frozen: recipe.frozen)
      try recipe.objective.check(description)
      var companions = ranks.isFirst ? try CompanionFiles(of: recipe.model) : CompanionFiles()
      companions.add(recipe.objective.companions(of: description))
      return (description, companions)
    }
    base = try ranks.together { [description] in try RunBase(description, recipe) }
  }

  /// The same where chats are written by another template than the folder's.
  func with(chatTemplate: [UInt8]?) -> RunModel {
    guard let chatTemplate else { return self }
    var other = self
    other.companions.add([("chat_template.jinja", chatTemplate)])
    return other
  }

  /// The same in a run whose steps are known.
  func settled(_ recipe: Recipe) throws -> RunModel {
    var settled = self
    try settled.base.describe(description, recipe)
    return settled
  }
}

// The data of a recipe that names a cache.
import Base
import Collectives
import Datasets
import Models
import Recipes

extension DataCaching {
  /// Nil if the recipe names no cache. Collective; parameters as those above.
  package init?(
    _ recipe: Recipe, ranks: Ranks, threads: Int, tell: @escaping (String) -> Void
  ) throws {
    guard recipe.data.cache != nil || recipe.parts.contains(where: { $0.recipe.data.cache != nil }) else {
      return nil
    }
    try self.init(ranks: ranks, threads: threads, tell: tell)
  }

  /// A recipe whose cache knows what the files hold. Collective.
  package func identified(_ recipe: Recipe) throws -> Recipe {
    var recipe = recipe
    let parts = recipe.parts.map(\.recipe)
    for (index, part) in parts.enumerated() {
      var data = part.data
      data.cache = try part.data.cache.map { try identified($0, part.dataOptions.files) }
      recipe.set(data, ofPart: index)
    }
    guard parts.isEmpty else { return recipe }
    recipe.data.cache = try recipe.data.cache.map { try identified($0, recipe.dataOptions.files) }
    return recipe
  }
}

extension RunData {
  /// Fills the cache of a recipe, and checks what is there. Collective.
  /// - Parameters:
  ///   - threads: of this rank.
  ///   - tell: called on the first rank with what takes time, and what is wrong, a line each.
  package static func cached(
    _ recipe: Recipe, ranks: Ranks, threads: Int, tell: @escaping (String) -> Void
  ) throws -> RunData {
    let caching = try DataCaching(ranks: ranks, threads: threads, tell: tell)
    var recipe = try caching.identified(recipe)
    recipe = try ranks.together { [recipe] in try recipe.settled() }
    let model = try ranks.together { [recipe] in
      let model = try recipe.describeModel()
      try recipe.objective.check(model)
      return model
    }
    return try read(recipe, model: model, ranks: ranks, caching: caching, verifies: true)
  }
}

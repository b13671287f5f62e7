// What all trials of a search have once on each host: the frozen weights of their base, and their tokens.
import Base
import Collectives
import Datasets
import Recipes
import Search
import Training

extension PreparedSearch {
  /// Settings that decide what tokens are made of data.
  private static let tokenSettings = [
    "data", "model", "task", "training.seed", "method", "method.name", "method.num_virtual_tokens",
  ]

  /// A copy of the base, where a trial leaves it as it is. Collective.
  func sharedBase(_ world: Ranks, threads: Int) throws -> SharedBase? {
    guard servesBase, world.count > 1 else { return nil }
    return try unlessTrialsFail {
      let recipe = try world.together { try self.recipe(of: trials[0]) }
      let base = try SharedBase(recipe, ranks: world, threads: recipe.parallel.threads ?? threads)
      if world.isFirst, base.bytes > 0 {
        Command.tell("the base lies once on each host for all trials, in \(fileSize(base.bytes))")
      }
      return base
    }
  }

  /// Prepares the tokens of all trials in a cache, where they have the same. Collective.
  /// - Returns: settings that every trial gets.
  func sharedTokens(_ world: Ranks, threads: Int) throws -> [String] {
    let decides = space.settings.contains { setting in
      Self.tokenSettings.contains(setting.key)
        || ["data.", "task."].contains(where: setting.key.hasPrefix)
    }
    guard !decides, world.count > 1 else { return [] }
    let recipe = try world.together { try self.recipe(of: trials[0]) }
    guard recipe.data.cache == nil, recipe.data.retrieval == nil, !recipe.data.readsStandardInput else {
      return []
    }
    let setting = "data.cache=\(JSON.string(output + "/tokens").encoded())"
    return try unlessTrialsFail {
      let cached = try world.together { try self.recipe(of: trials[0], more: [setting]) }
      _ = try RunData.cached(cached, ranks: world, threads: threads) { Command.tell($0) }
      return [setting]
    } ?? []
  }

  /// What does not work fails in the trials, which tell the reason. The same on all ranks.
  private func unlessTrialsFail<T>(_ body: () throws -> T) throws -> T? {
    do {
      return try body()
    } catch let error where error is UserError || error is UserErrors || error is Ranks.StoppedElsewhere {
      return nil
    }
  }
}

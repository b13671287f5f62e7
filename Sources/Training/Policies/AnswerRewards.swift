// What answers earn, over all ranks.
import Base
import Collectives
import Datasets
import Rewards
import Tokenizers

/// The rewards of a recipe, ready to be asked. Programs run on every rank.
final class AnswerRewards {
  private enum Asked {
    case function(any Reward)
    case command(CommandReward)
    case model(RewardScorer)
  }

  let recipes: [RewardRecipe]
  private let asked: [Asked]
  private let ranks: Ranks

  /// Collective.
  /// - Parameters:
  ///   - note: tells the user in one line.
  ///   - model: loads the reward model of a folder. Collective.
  init(
    _ recipes: [RewardRecipe], ranks: Ranks, note: @escaping (String) -> Void,
    model: (String) throws -> RewardScorer
  ) throws {
    self.recipes = recipes
    self.ranks = ranks
    asked = try recipes.map { recipe in
      switch recipe.source {
      case .function(let reward): .function(reward)
      case .command(let command, let timeout): .command(CommandReward(command, timeout: timeout, note: note))
      case .model(let folder): .model(try model(folder))
      }
    }
  }

  /// The rewards of some answers by each of the recipe's rewards, known to all ranks. Each rank asks about some of them.
  /// Collective.
  func callAsFunction(_ answers: [RewardedAnswer]) throws -> [[Double]] {
    let own = stride(from: ranks.rank, to: answers.count, by: ranks.count).map { answers[$0] }
    let mine = try ranks.together {
      try asked.flatMap { asked -> [Double] in
        switch asked {
        case .function(let reward): own.map { reward($0) }
        case .command(let command): try command.scores(of: own)
        case .model(let model): try model.scores(of: own)
        }
      }
    }
    let all = ranks.gather(mine)
    return answers.indices.map { answer in
      let (rank, place) = (answer % ranks.count, answer / ranks.count)
      let count = all[rank].count / max(1, recipes.count)
      return recipes.indices.map { all[rank][$0 * count + place] }
    }
  }
}

/// A model that scores answers, in the memory of each rank.
protocol RewardScorer {
  func scores(of answers: [RewardedAnswer]) throws -> [Double]
}

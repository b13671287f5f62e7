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

    var isProgram: Bool { if case .command = self { true } else { false } }
  }

  let recipes: [RewardRecipe]
  private let asked: [Asked]
  private let ranks: Ranks
  /// What programs of this rank did that the user should know, a line each.
  private let mishaps = Mishaps()
  private let note: (String) -> Void

  private final class Mishaps { var lines: [String] = [] }

  /// Collective.
  /// - Parameters:
  ///   - note: tells the user in one line; called on every rank with the lines of all.
  ///   - model: loads the reward model of a folder. Collective.
  init(
    _ recipes: [RewardRecipe], ranks: Ranks, note: @escaping (String) -> Void,
    model: (String) throws -> RewardScorer
  ) throws {
    self.recipes = recipes
    self.ranks = ranks
    self.note = note
    asked = try recipes.map { [mishaps] recipe in
      switch recipe.source {
      case .function(let reward): .function(reward)
      case .command(let command, let timeout):
        .command(CommandReward(command, timeout: timeout) { mishaps.lines.append($0) })
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
    tellMishaps()
    let all = ranks.gather(mine)
    return answers.indices.map { answer in
      let (rank, place) = (answer % ranks.count, answer / ranks.count)
      let count = all[rank].count / max(1, recipes.count)
      return recipes.indices.map { all[rank][$0 * count + place] }
    }
  }
}

extension AnswerRewards {
  /// Whichever rank's program it was. Collective.
  private func tellMishaps() {
    guard asked.contains(where: \.isProgram) else { return }
    let lines = ranks.gather(mishaps.lines.joined(separator: "\n")).flatMap { $0.split(separator: "\n") }
    mishaps.lines = []
    for line in lines { note(String(line)) }
  }
}

/// A model that scores answers, in the memory of each rank.
protocol RewardScorer {
  func scores(of answers: [RewardedAnswer]) throws -> [Double]
}

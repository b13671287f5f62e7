// The loss on general text beside the task's: what a run forgets shows there.
import Base
import Collectives
import Datasets
import Models
import Objectives
import Recipes

/// `keep.watch` of a run.
struct GeneralText {
  private let sequences: TokenSequences
  private let replica: Replica
  private let recipe: Recipe
  private let ranks: Ranks

  /// Nil if the recipe watches nothing. Collective.
  /// - Throws: what is wrong with the files, or with a model that predicts no next token.
  init?(_ recipe: Recipe, of replica: Replica, ranks: Ranks) throws {
    guard !recipe.keep.watched.isEmpty else { return nil }
    sequences = try ranks.together {
      guard replica.description.answerStart == nil else {
        throw UserError(
          .usage, "is general text, and the model answers to texts", at: "keep.watch", hint: "leave it out")
      }
      return try recipe.keptTexts(
        recipe.keep.watched, format: .auto, columns: DataColumns(), setting: "keep.watch",
        model: replica.description)
    }
    (self.recipe, self.ranks) = (recipe, ranks)
    self.replica = Replica(
      replica.description, objective: LanguageModel(), engine: replica.engine, store: replica.store,
      arena: replica.arena)
  }

  /// The mean loss of its tokens, in nats. Collective; call it when the weights of the last step are here.
  func loss() throws -> Double? {
    try evaluate(
      sequences, replica: replica, ranks: ranks, microBatchSize: recipe.training.microBatchSize,
      mask: recipe.data.packingMask
    ).loss
  }
}

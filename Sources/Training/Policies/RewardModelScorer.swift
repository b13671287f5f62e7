// A reward model that scores the answers of a policy: a folder with one label, such as `task: reward` leaves.
import Base
import Checkpoints
import Collectives
import Datasets
import Graph
import Kernels
import Models
import Recipes
import Rewards
import Tensors
import Tokenizers

/// The score of an answer depends on its text alone, not on others or on the rank.
struct RewardModelScorer: RewardScorer {
  private let model: TrainedModel

  /// Its weights lie once on each host. Collective.
  init(_ folder: String, _ recipe: Recipe, engine: Engine, ranks: Ranks) throws {
    try ranks.together {
      let description = try TrainedModel.description(folder: folder, adapter: nil, ModelSettings())
      guard case .labels(let labels, _) = description.head, labels.count == 1 else {
        throw UserError(
          .usage, "is no reward model: it has no head with one label", at: folder,
          hint: "train one with task=reward")
      }
    }
    model = try TrainedModel(
      folder: folder, settings: ModelSettings(), threads: engine.pool.threads, ranks: ranks)
  }

  func scores(of answers: [RewardedAnswer]) throws -> [Double] {
    let description = model.replica.description
    let encoder = description.encoder(model.tokenizer)
    let longest = description.longestText
    var batch = Batch()
    return try answers.map { answer in
      let tokens = encoder.answer(answer.completion, to: answer.prompt).tokens.suffix(longest)
      try description.check(tokens)
      guard !tokens.isEmpty else {
        throw UserError(.data, "has no tokens to score", at: model.folder)
      }
      var sequences = TokenSequences(files: ["answer"], longest: longest)
      sequences.append(
        tokens, zeroTypes: tokens.count, numbers: [0], source: SampleSource(file: 0, line: 0))
      sequences.fill(&batch, with: MicroBatch(sequences: [0], firstSample: 0), mask: .document)
      return Double(model.replica.logits(batch)[0])
    }
  }
}

// Steps in which a student learns what its teacher says of answers that it has written itself.
//
// Whether a step is one follows from the seed and its number, and so do the draws of its answers: a run that goes on needs
// nothing but its weights.
import Base
import Collectives
import Datasets
import Generation
import Models
import Objectives
import Recipes

struct OwnAnswers {
  private let settings: OnPolicy
  private let seed: UInt64
  private let microBatchSize: Int
  private let data: TokenSequences
  private let replica: Replica
  private let ranks: Ranks
  /// Rows that are looked at for a prompt.
  private static let looked = 64

  /// Nil where the task has none. Collective.
  /// - Throws: where rows have no prompts, or the model has no room for answers behind them.
  init?(_ recipe: Recipe, _ data: RunData, replica: Replica, ranks: Ranks) throws {
    guard let task = recipe.objective as? Distillation, let settings = task.onPolicy else { return nil }
    self.settings = settings
    self.data = data.dataset.train
    (self.replica, self.ranks) = (replica, ranks)
    var key = FNV1a("own answers".utf8)
    key.mix(recipe.training.seed)
    seed = key.value
    microBatchSize = recipe.training.microBatchSize
    try ranks.together {
      let place = "task.on_policy"
      guard !recipe.data.packing,
        (0..<min(self.data.count, Self.looked)).contains(where: { prompt($0).count > 1 })
      else {
        throw UserError(
          .usage, "needs prompts that the model answers to, and rows here are text alone", at: place,
          hint: "give rows of prompts with completions, or chats, and data.packing=false")
      }
      let longest = data.dataset.train.longestRow + settings.longest
      guard longest <= replica.description.longestText else {
        throw UserError(
          .usage,
          "writes \(settings.longest) tokens behind rows of \(data.dataset.train.longestRow), and the model reads "
            + "\(replica.description.longestText)", at: place,
          hint: "set max_new_tokens or data.sequence_length lower")
      }
    }
  }

  /// Whether a step begins with answers.
  func writes(_ step: Int) -> Bool {
    var stream = PhiloxStream(seed: seed, stream: UInt64(step))
    return stream.unit() < settings.share
  }

  /// The answers of a step behind their prompts, in the place of the rows that it would learn. All weights must be here.
  /// Collective.
  func sequences(
    _ step: Int, _ given: [MicroBatch]
  ) throws -> (sequences: TokenSequences, microBatches: [MicroBatch]) {
    let rows = given.flatMap { Array($0.sequences) }
    let prompts = rows.map(prompt)
    var answers = Answers(of: replica, ranks: ranks, longest: settings.longest)
    answers.sampling = Sampling(temperature: settings.temperature, topK: nil, topP: 1, seed: seed)
    let found = try answers.ended(to: prompts, samples: rows.indices.map { step * rows.count + $0 })
    let whole = zip(prompts, found).map { prompt, answer -> [Int32] in
      prompt + answer.tokens + (answer.end.map { [$0] } ?? [])
    }
    // The longest come first, so that ranks end at about the same time.
    let order = whole.indices.sorted { (whole[$1].count, $0) < (whole[$0].count, $1) }
    var sequences = TokenSequences(files: data.files)
    sequences.virtual = data.virtual
    for answer in order {
      let targets = prompts[answer].count..<whole[answer].count
      sequences.append(
        whole[answer][...], targets: targets.isEmpty ? [] : [targets], source: data.source(of: rows[answer]))
    }
    return (sequences, MicroBatch.cut(Array(0..<sequences.count), size: microBatchSize))
  }

  /// What stands before the first token that a row learns.
  private func prompt(_ row: Int) -> [Int32] {
    var batch = Batch()
    data.fill(&batch, with: MicroBatch(sequences: [row], firstSample: 0), mask: .document)
    let length = Int(batch.lengths.first ?? Int32(batch.length))
    let first = (0..<length).first { batch.targets[$0] >= 0 } ?? length - 1
    return Array(batch.tokens[data.virtual.rows...max(first, data.virtual.rows)])
  }
}

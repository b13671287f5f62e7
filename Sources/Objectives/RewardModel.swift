// Reward models: a number for each answer, larger for better ones, as TRL's RewardTrainer learns it.
import Base
import Datasets
import Graph
import Kernels
import Models

package struct RewardModel: Objective {
  package static let name = "reward"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .preference
  private let centering: Double
  private let disablesDropout: Bool

  package init(_ settings: Section) {
    centering = settings.number("center_rewards_coefficient", default: 0, in: 0...1e4)
    disablesDropout = settings.bool("disable_dropout", default: true)
  }

  /// Scores answers with a model that is trained.
  package init() { (centering, disablesDropout) = (0, true) }

  /// Its folder is that of a regression, which reads texts without prompts.
  package init?(evaluating model: ModelDescription) { nil }

  package var settings: JSON? {
    .object([
      "name": .string(Self.name), "center_rewards_coefficient": .number(centering),
      "disable_dropout": .bool(disablesDropout),
    ])
  }

  package var head: Head { .labels(Head.unnamedLabels(1), .number) }
  package var dropsOut: Bool { !disablesDropout }
  package func prepare(_ data: inout DataOptions) { data.wishes.answers = .wholes }

  package func check(_ model: ModelDescription) throws {
    guard case .labels(let labels, .number) = model.head, labels.count == 1 else {
      throw UserError(
        .usage, "is no reward model: it does not give one number for a text", at: model.folder,
        hint: "train one with task=reward")
    }
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zB1 = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives a number")
    }
    graph.pairLoss(zB1, centering: centering)
  }

  package var counts: Int { PairCounts.count }

  package func scalars(ofStep sums: LossSums) -> [Scalar] {
    guard sums.units > 0 else { return [] }
    let means = sums.counts.map { $0 / Double(sums.units) }
    return [
      Scalar("rewards/chosen", detail: means[0]), Scalar("rewards/rejected", detail: means[1]),
      Scalar("rewards/margins", means[0] - means[1]), Scalar("rewards/accuracies", means[2]),
    ]
  }

  package var outputs: OutputForm { .perSequence }
  package func scalars(of evaluated: Evaluated) -> [Scalar] { scalars(ofStep: evaluated.sums) }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    guard evaluated.sequences.rowsPerSample == 2 else { return [] }
    return (0..<evaluated.sequences.samples).compactMap { sample in
      Mistake.ofPair(
        row: evaluated.row(of: 2 * sample), better: evaluated[2 * sample].first!,
        worse: evaluated[2 * sample + 1].first!)
    }
  }

  package static let score = "score"

  /// A number for one answer, and a list for several.
  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    let scores = evaluated.fileRows[row].map { JSON.number(evaluated[$0].first!) }
    let value: JSON = scores.count == 1 ? scores[0] : .array(scores)
    return [(Self.score, value)]
  }
}

extension Mistake {
  /// A pair whose worse answer has the larger reward; nil for another.
  static func ofPair(row: Int, better: Double, worse: Double) -> Mistake? {
    guard !(better > worse) else { return nil }
    return Mistake(
      row: row, gold: .string("chosen"), predicted: .string("rejected"), confidence: logistic(worse - better),
      loss: softplus(worse - better),
      facts: [
        ("reward_chosen", .number(rounded(better))), ("reward_rejected", .number(rounded(worse))),
      ])
  }
}

// Group relative policy optimization: a model learns from rewards of several answers to each prompt, each compared with
// the others (Shao et al. 2024), with the losses of DAPO (Yu et al. 2025) and Dr. GRPO (Liu et al. 2025). Names, formulas and
// defaults are those of TRL 1's GRPOTrainer.
import Base
import Graph
import Models

package struct GRPO: PolicyTask {
  package static let name = "grpo"
  package let rollouts: RolloutSettings
  package let correction: SamplingCorrection?
  package let form: PolicyLossForm
  private let loss: Normalisation
  private let scale: Scale

  /// What the sum of a step's losses is divided by.
  enum Normalisation: String, CaseIterable, Sendable {
    /// The tokens of all answers.
    case dapo
    /// The answers, and each answer's losses by its tokens.
    case grpo
    /// The tokens of all answers: micro-batches are no part of the loss.
    case bnpo
    /// The answers, times the most tokens of one.
    case drGRPO = "dr_grpo"
  }

  /// What advantages are divided by.
  enum Scale: String, CaseIterable, Sendable { case group, batch, none }

  package init(_ settings: Section) {
    var rollouts = RolloutSettings(settings, generations: 8)
    rollouts.readType(settings)
    self.rollouts = rollouts
    correction = rollouts.storage == nil ? nil : SamplingCorrection(settings)
    loss = settings.choice("loss_type", default: .dapo)
    scale = settings.choice("scale_rewards", default: .group)
    form = PolicyLossForm(settings, beta: 0)
  }

  package init?(evaluating model: ModelDescription) { nil }

  package func advantages(of rewards: [Double], divergence: [Double]?) -> [Double] {
    let groups = GroupStatistics(rewards, size: rollouts.generations)
    let all = GroupStatistics.deviation(rewards)
    return rewards.indices.map { answer in
      let group = answer / rollouts.generations
      let difference = rewards[answer] - groups.means[group]
      switch scale {
      case .group: return difference / (groups.deviations[group] + 1e-4)
      case .batch: return difference / (all + 1e-4)
      case .none: return difference
      }
    }
  }

  package func divisor(ofTokens own: Int, answers: Int) -> Double {
    switch loss {
    case .dapo, .bnpo: 0
    case .grpo: Double(answers) * Double(own)
    case .drGRPO: Double(answers) * Double(rollouts.longest)
    }
  }

  package var settings: JSON? {
    .object(
      ([
        ("name", .string(Self.name)), ("loss_type", .string(loss.rawValue)),
        ("scale_rewards", .string(scale.rawValue)),
      ]
        + rollouts.json + form.json + (correction?.json ?? [])).map {
          JSON.Member(key: Array($0.0.utf8), value: $0.1)
        })
  }
}

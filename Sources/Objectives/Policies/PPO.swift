// Proximal policy optimization (Schulman et al. 2017) with a value head: each token of an answer is compared with what it was
// expected to be followed by. Formulas are those of TRL's PPOTrainer of versions 0.11, which later ones do not have; names
// and defaults are those of TRL's last PPOConfig.
import Base
import Foundation
import Graph
import Models

package struct PPO: PolicyTask {
  package static let name = "ppo"
  package let rollouts: RolloutSettings
  package let form: PolicyLossForm
  private let control: DivergenceControl
  private let discount: Double
  private let smoothing: Double
  private let whitensRewards: Bool
  /// What an answer that was cut off loses.
  private let cutPenalty: Double
  private let estimator: Estimator
  private let values: PolicyLoss.ValueLoss
  private let range: Double

  /// How the distance to the reference is estimated from drawn tokens (Schulman 2020).
  enum Estimator: String, CaseIterable, Sendable { case k1, k3 }

  package init(_ settings: Section) {
    rollouts = RolloutSettings(settings, generations: 1, atLeast: 1, iterations: ("num_ppo_epochs", 4))
    let goal = settings.has("target") ? settings.number("target", in: 1e-9...1e9) : nil
    control = DivergenceControl(
      first: settings.number("kl_coef", default: 0.05, in: 0...1000), goal: goal,
      horizon: goal == nil ? 10_000 : settings.number("horizon", default: 10_000, in: 1...1e12))
    discount = settings.number("gamma", default: 1, in: 0...1)
    smoothing = settings.number("lam", default: 0.95, in: 0...1)
    whitensRewards = settings.bool("whiten_rewards", default: false)
    cutPenalty =
      settings.has("missing_eos_penalty") ? settings.number("missing_eos_penalty", in: 0...1e6) : 0
    estimator = settings.choice("kl_estimator", default: .k1)
    values = PolicyLoss.ValueLoss(
      weight: settings.number("vf_coef", default: 0.1, in: 0...1000),
      range: settings.number("cliprange_value", default: 0.2, in: 0...1e6))
    range = settings.number("cliprange", default: 0.2, in: 0...1)
    var loss = PolicyLoss(level: .token, low: range, high: range)
    loss.values = values
    form = PolicyLossForm(loss: loss)
  }

  package init?(evaluating model: ModelDescription) { nil }

  package var usesValues: Bool { true }
  package var divergenceControl: DivergenceControl? { control }
  package var reference: ReferenceUse { control.first > 0 ? .askedOfAnswers : .none }

  /// How much better than the others of its step each answer is, for their log: what tokens are learned by follows from
  /// `estimates`.
  package func advantages(of rewards: [Double], divergence: [Double]?) -> [Double] {
    let mean = GroupStatistics.mean(rewards)
    return rewards.map { $0 - mean }
  }

  package func divisor(ofTokens own: Int, answers: Int) -> Double { 0 }

  package func estimates(of answers: [ValuedAnswer], divergenceWeight: Double) -> [TokenEstimates]? {
    var rewards = answers.map { answer in
      var rewards = answer.old.indices.map { token -> Double in
        guard let reference = answer.reference else { return 0 }
        let difference = Double(answer.old[token]) - Double(reference[token])
        let distance = estimator == .k1 ? difference : exp(-difference) - 1 + difference
        return -divergenceWeight * distance
      }
      if !rewards.isEmpty {
        rewards[rewards.count - 1] += answer.reward - (answer.isWhole ? 0 : cutPenalty)
      }
      return rewards
    }
    if whitensRewards { rewards = TokenEstimates.whitened(rewards, keepsMean: true) }
    return TokenEstimates.all(
      rewards: rewards, values: answers.map(\.values), discount: discount, smoothing: smoothing)
  }

  package var settings: JSON? {
    .object(
      members: [
        ("name", .string(Self.name)), ("kl_coef", .number(control.first)),
        ("target", control.goal.map { .number($0) } ?? .null), ("horizon", .number(control.horizon)),
        ("gamma", .number(discount)), ("lam", .number(smoothing)), ("whiten_rewards", .bool(whitensRewards)),
        ("missing_eos_penalty", .number(cutPenalty)), ("kl_estimator", .string(estimator.rawValue)),
        ("vf_coef", .number(values.weight)), ("cliprange_value", .number(values.range)),
        ("cliprange", .number(range)),
      ] + rollouts.json)
  }
}

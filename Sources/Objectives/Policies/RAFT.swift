// Rejection sampling: a model learns its best answer to each prompt as if the data had it (RAFT, Dong et al. 2023; best of n).
import Base
import Graph
import Models

package struct RAFT: PolicyTask {
  package static let name = "raft"
  package let rollouts: RolloutSettings
  package let form: PolicyLossForm
  /// Answers that earn less are not learned.
  private let least: Double

  package init(_ settings: Section) {
    var rollouts = RolloutSettings(settings, generations: 8)
    rollouts.readType(settings)
    self.rollouts = rollouts
    least = settings.has("min_reward") ? settings.number("min_reward") : -.infinity
    form = .likelihood
    if rollouts.iterations > 1 {
      settings.fail("num_iterations", "is \(rollouts.iterations), and raft learns each answer once")
    }
  }

  package init?(evaluating model: ModelDescription) { nil }

  /// 1 for the first of the best answers to a prompt, and 0 for the others.
  package func advantages(of rewards: [Double], divergence: [Double]?) -> [Double] {
    var advantages = rewards.map { _ in 0.0 }
    for start in stride(from: 0, to: rewards.count, by: rollouts.generations) {
      let group = start..<min(start + rollouts.generations, rewards.count)
      guard let most = group.map({ rewards[$0] }).max(), most >= least,
        let best = group.first(where: { rewards[$0] == most })
      else { continue }
      advantages[best] = 1
    }
    return advantages
  }

  package func divisor(ofTokens own: Int, answers: Int) -> Double { 0 }
  package func learns(advantage: Double) -> Bool { advantage > 0 }

  package var settings: JSON? {
    .object(
      ([("name", .string(Self.name))] + rollouts.json
        + (least.isFinite ? [("min_reward", .number(least))] : []))
        .map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }
}

// REINFORCE with the mean of the other answers to a prompt as its baseline (Ahmadian et al. 2024), with whole answers as
// actions. Names, formulas and defaults are those of TRL 1's RLOOTrainer.
import Base
import Graph
import Models

package struct RLOO: PolicyTask {
  package static let name = "rloo"
  package let rollouts: RolloutSettings
  package let form: PolicyLossForm
  private let normalises: Bool
  private let range: ClosedRange<Double>?

  package init(_ settings: Section) {
    rollouts = RolloutSettings(settings, generations: 2)
    normalises = settings.bool("normalize_advantages", default: false)
    range = settings.range("reward_clip_range")
    form = PolicyLossForm(settings, beta: 0.05, ofAnswers: true)
  }

  package init?(evaluating model: ModelDescription) { nil }

  package func advantages(of rewards: [Double], divergence: [Double]?) -> [Double] {
    let rewards = rewards.indices.map { answer in
      let clipped = range.map { min(max(rewards[answer], $0.lowerBound), $0.upperBound) } ?? rewards[answer]
      return clipped - form.beta * (divergence?[answer] ?? 0)
    }
    let groups = GroupStatistics(rewards, size: rollouts.generations)
    let count = Double(rollouts.generations)
    let advantages = rewards.indices.map { answer in
      let others = (groups.means[answer / rollouts.generations] * count - rewards[answer]) / (count - 1)
      return rewards[answer] - others
    }
    guard normalises else { return advantages }
    let (mean, deviation) = (GroupStatistics.mean(advantages), GroupStatistics.deviation(advantages))
    return advantages.map { ($0 - mean) / (deviation + 1e-4) }
  }

  package var usesDivergence: Bool { form.beta > 0 }
  package func divisor(ofTokens own: Int, answers: Int) -> Double { Double(answers) }

  package var settings: JSON? {
    .object(
      ([("name", .string(Self.name)), ("normalize_advantages", .bool(normalises))] + rollouts.json + form.json
        + (range.map { [("reward_clip_range", .array([.number($0.lowerBound), .number($0.upperBound)]))] }
          ?? []))
        .map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }
}

extension Section {
  /// Two numbers, the smaller first; nil if they are absent or a mistake.
  fileprivate func range(_ key: String) -> ClosedRange<Double>? {
    guard let value = raw(key) else { return nil }
    record(key, value)
    guard let ends = value.elements?.compactMap(\.double), ends.count == 2, ends[0] <= ends[1] else {
      fail(key, "must be two numbers, the smaller first", hint: "such as [-1, 1]")
      return nil
    }
    return ends[0]...ends[1]
  }
}

// What follows from each token of an answer, by generalised advantage estimation (Schulman et al. 2016), as TRL's PPOTrainer
// had it (0.11).

/// What an answer earned, and what was expected of each of its tokens.
package struct ValuedAnswer: Sendable {
  package let reward: Double
  package let isWhole: Bool
  /// Log-probabilities of its tokens when it was given, in nats, and by the reference; nil without one.
  package let old: [Float]
  package let reference: [Float]?
  /// What each token was expected to be followed by.
  package let values: [Float]

  package init(reward: Double, isWhole: Bool, old: [Float], reference: [Float]?, values: [Float]) {
    (self.reward, self.isWhole, self.old) = (reward, isWhole, old)
    (self.reference, self.values) = (reference, values)
  }
}

package struct TokenEstimates: Sendable {
  /// How much better than expected what followed was; over all tokens of a step their mean is 0 and their variance 1.
  package var advantages: [Double]
  /// What followed.
  package var earned: [Double]

  package init(advantages: [Double], earned: [Double]) {
    (self.advantages, self.earned) = (advantages, earned)
  }

  /// - Parameters:
  ///   - rewards: of each token of each answer.
  ///   - values: as many.
  ///   - discount: γ.
  ///   - smoothing: λ.
  package static func all(
    rewards: [[Double]], values: [[Float]], discount: Double, smoothing: Double
  ) -> [TokenEstimates] {
    var all = zip(rewards, values).map { rewards, values in
      var advantages = rewards
      var last = 0.0
      for token in rewards.indices.reversed() {
        let next = token + 1 < values.count ? Double(values[token + 1]) : 0
        let surprise = rewards[token] + discount * next - Double(values[token])
        last = surprise + discount * smoothing * last
        advantages[token] = last
      }
      return TokenEstimates(
        advantages: advantages, earned: zip(advantages, values).map { $0 + Double($1) })
    }
    let whitened = whitened(all.map(\.advantages), keepsMean: false)
    for answer in all.indices { all[answer].advantages = whitened[answer] }
    return all
  }

  /// Numbers with a variance of 1 over all of them, and a mean of 0 if theirs is not kept.
  package static func whitened(_ numbers: [[Double]], keepsMean: Bool) -> [[Double]] {
    let flat = Array(numbers.joined())
    let mean = GroupStatistics.mean(flat)
    let deviation = GroupStatistics.deviation(flat)
    let factor = 1 / (deviation * deviation + 1e-8).squareRoot()
    return numbers.map { $0.map { ($0 - mean) * factor + (keepsMean ? mean : 0) } }
  }
}

/// The weight of the distance to a reference, fixed or moved towards a goal (Ziegler et al. 2019).
package struct DivergenceControl: Sendable {
  package let first: Double
  /// The distance of an answer that is aimed at; nil for a fixed weight.
  package let goal: Double?
  /// Over how many answers the weight follows.
  package let horizon: Double

  package init(first: Double, goal: Double?, horizon: Double) {
    (self.first, self.goal, self.horizon) = (first, goal, horizon)
  }

  /// The weight after some answers.
  /// - Parameter distance: their mean, in nats.
  package func next(_ weight: Double, distance: Double, answers: Int) -> Double {
    guard let goal else { return weight }
    let error = min(max(distance / goal - 1, -0.2), 0.2)
    return weight * (1 + error * Double(answers) / horizon)
  }
}

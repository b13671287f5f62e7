// The loss of a policy on answers that an earlier one gave: clipped ratios of probabilities times advantages (PPO,
// Schulman et al. 2017), and a penalty on the distance to a reference.
import Foundation

/// How the loss of an answer follows from the log-probabilities of its tokens. Formulas are those of TRL 1's GRPOTrainer.
package struct PolicyLoss: Sendable, Equatable {
  /// What a ratio is of.
  package enum Level: String, CaseIterable, Sendable {
    /// Each token.
    case token
    /// An answer, with the mean over its tokens (GSPO, Zheng et al. 2025).
    case sequence
    /// An answer as a whole, which has one loss.
    case answer
    /// Nothing: the loss is the negative log-probability of each token, times the advantage.
    case likelihood
  }

  package var level: Level
  /// Ratios count from 1 - low to 1 + high.
  package var low: Double
  package var high: Double
  /// Where a ratio ends that would count below the range.
  package var delta: Double?
  /// The weight of the distance to the reference; 0 for none.
  package var beta: Double
  /// Whether the distance is weighted by the ratio, so that its gradient is unbiased.
  package var correctsDistance: Bool
  /// What logits are divided by, as they were when answers were drawn.
  package var temperature: Float
  /// How the value head learns; nil without one.
  package var values: ValueLoss?

  package init(
    level: Level = .token, low: Double = 0.2, high: Double = 0.2, delta: Double? = nil, beta: Double = 0,
    correctsDistance: Bool = true, temperature: Float = 1
  ) {
    (self.level, self.low, self.high, self.delta) = (level, low, high, delta)
    (self.beta, self.correctsDistance, self.temperature) = (beta, correctsDistance, temperature)
  }

  /// The clipped loss of values: w / 2 · max((v − r)², (clip(v, v₀ − c, v₀ + c) − r)²), as TRL's PPOTrainer has it.
  package struct ValueLoss: Sendable, Equatable {
    /// w and c.
    package var weight: Double
    package var range: Double

    package init(weight: Double, range: Double) { (self.weight, self.range) = (weight, range) }

    /// The loss of a value without its weight, its slope with it, and whether it was clipped.
    package func callAsFunction(
      _ value: Double, old: Double, earned: Double
    ) -> (loss: Double, slope: Double, isClipped: Bool) {
      let clipped = min(max(value, old - range), old + range)
      let (free, bound) = ((value - earned) * (value - earned), (clipped - earned) * (clipped - earned))
      return bound > free
        ? (bound / 2, 0, true) : (free / 2, weight * (value - earned), false)
    }
  }

  /// What one answer adds to a loss.
  package struct Sums: Equatable, Sendable {
    package var loss = 0.0
    /// Over its tokens: the distance to the reference, and how many ratios were clipped.
    package var distance = 0.0
    package var clipped = 0.0
  }

  /// The clipped objective of one ratio, negated.
  /// - Returns: the loss, its slope in the logarithm of the ratio, and whether the ratio was clipped.
  private func clipped(_ ratio: Double, _ advantage: Double) -> (loss: Double, slope: Double, isClipped: Bool)
  {
    let bounded = delta.map { min(ratio, $0) } ?? ratio
    let inside = min(max(ratio, 1 - low), 1 + high)
    let isClipped = ratio < 1 - low && advantage < 0 || ratio > 1 + high && advantage > 0
    if bounded * advantage <= inside * advantage {
      return (-bounded * advantage, bounded == ratio ? -ratio * advantage : 0, isClipped)
    }
    return (-inside * advantage, inside == ratio ? -ratio * advantage : 0, isClipped)
  }

  /// The loss of one answer.
  /// - Parameters:
  ///   - now: the log-probabilities of its tokens, in nats.
  ///   - old: those when it was given; nil for the same as now.
  ///   - reference: those of the reference; nil without one.
  ///   - divisor: of all its losses.
  ///   - advantages: of its tokens; where an answer has one ratio, the first counts.
  ///   - slopes: gets the slope of the loss in each log-probability.
  package func callAsFunction(
    _ now: [Double], old: [Double]?, reference: [Double]?, advantages: [Double], divisor: Double,
    slopes: UnsafeMutableBufferPointer<Double>
  ) -> Sums {
    var sums = Sums()
    let count = Double(max(now.count, 1))
    let logs = now.indices.map { now[$0] - (old?[$0] ?? now[$0]) }
    var whole: (ratio: Double, loss: Double, slope: Double, isClipped: Bool)?
    if level == .likelihood {
      for token in now.indices {
        sums.loss -= advantages[token] * now[token] / divisor
        slopes[token] = -advantages[token] / divisor
      }
      return sums
    }
    if level != .token {
      let sum = logs.reduce(0, +)
      let ratio = exp(level == .answer ? sum : sum / count)
      let found = clipped(ratio, advantages.first ?? 0)
      whole = (ratio, found.loss, found.slope, found.isClipped)
      if found.isClipped { sums.clipped = count }
      if level == .answer { sums.loss += found.loss / divisor }
    }
    var distances = 0.0
    for token in now.indices {
      var slope: Double
      let ratio: Double
      if let whole {
        // Each of the answer's tokens has its loss, and moves the ratio by its share.
        slope = whole.slope
        ratio = whole.ratio
        if level == .sequence { sums.loss += whole.loss / divisor }
      } else {
        ratio = exp(logs[token])
        let found = clipped(ratio, advantages[token])
        slope = found.slope
        sums.loss += found.loss / divisor
        if found.isClipped { sums.clipped += 1 }
      }
      if let reference {
        let difference = reference[token] - now[token]
        let distance = exp(difference) - difference - 1
        sums.distance += distance
        if beta != 0, level != .answer {
          let weight = correctsDistance ? ratio : 1
          sums.loss += beta * distance * weight / divisor
          slope += beta * (1 - exp(difference)) * weight
          if correctsDistance {
            if level == .token { slope += beta * distance * ratio } else { distances += distance * ratio }
          }
        }
      }
      slopes[token] = slope / divisor
    }
    if distances != 0 {
      for token in now.indices { slopes[token] += beta * distances / count / divisor }
    }
    return sums
  }
}

/// What each token of an answer has: `GraphInput.tokenNumbers` holds these for each token, at the place that predicts it.
package enum PolicyNumbers {
  package static let count = 6
  /// How much better than expected its answer, or what follows from it, was.
  package static let advantage = 0
  /// What the losses of its answer are divided by, beside the units of the step.
  package static let divisor = 1
  /// Its log-probability when the answer was given, in nats; NaN for the same as now.
  package static let old = 2
  /// The same by the reference; NaN without one.
  package static let reference = 3
  /// With a value head: what followed from it, and what that was expected to be when the answer was given.
  package static let earned = 4
  package static let value = 5
}

/// The sums that a policy's loss leaves beside it.
package enum PolicySums {
  package static let count = 4
  package static let tokens = 0
  package static let distance = 1
  package static let clipped = 2
  /// The negative log-probabilities of the tokens: their mean estimates the entropy, as they were drawn.
  package static let surprise = 3
  /// With a value head: its loss, and how many values were clipped.
  package static let valueLoss = 4
  package static let valuesClipped = 5
  package static let countWithValues = 6
}

extension PolicyLoss: TargetLoss {
  package var counts: Int { values == nil ? PolicySums.count : PolicySums.countWithValues }
  package var usesValues: Bool { values != nil }
  package var isForTraining: Bool { true }
  package func run(sequences: Int, length: Int) -> any TargetLossRun {
    PolicyLossRun(self, sequences: sequences, length: length)
  }
}

/// A policy's loss with the memory of a shape of micro-batches. Each sequence is a prompt with one answer.
final class PolicyLossRun: TargetLossRun, @unchecked Sendable {
  private let form: PolicyLoss
  let sequences: Int
  private let length: Int
  let losses: UnsafeMutablePointer<Double>
  let values: UnsafeMutablePointer<Float>?
  private let factors: UnsafeMutablePointer<Float>
  private let slopesOfValues: UnsafeMutablePointer<Float>?
  private var advantages: [Double] = []
  private var now: [Double] = []
  private var old: [Double] = []
  private var reference: [Double] = []
  private var slopes: [Double]

  init(_ form: PolicyLoss, sequences: Int, length: Int) {
    (self.form, self.sequences, self.length) = (form, sequences, length)
    losses = .allocate(capacity: sequences * length)
    losses.initialize(repeating: .nan, count: sequences * length)
    factors = .allocate(capacity: sequences * length)
    factors.initialize(repeating: 0, count: sequences * length)
    func room() -> UnsafeMutablePointer<Float>? {
      guard form.values != nil else { return nil }
      let room = UnsafeMutablePointer<Float>.allocate(capacity: sequences * length)
      room.initialize(repeating: 0, count: sequences * length)
      return room
    }
    values = room()
    slopesOfValues = room()
    slopes = [Double](repeating: 0, count: length)
    advantages.reserveCapacity(length)
    now.reserveCapacity(length)
    old.reserveCapacity(length)
    reference.reserveCapacity(length)
  }

  deinit {
    losses.deallocate()
    factors.deallocate()
    values?.deallocate()
    slopesOfValues?.deallocate()
  }

  var valueSlopes: UnsafePointer<Float>? { slopesOfValues.map { UnsafePointer($0) } }

  func loss(_ input: GraphInput, counts: inout [Double], outputs: UnsafeMutablePointer<Double>?) -> Double {
    for index in counts.indices { counts[index] = 0 }
    guard let numbers = input.tokenNumbers else { return asTheyAre(input) }
    var sum = 0.0
    for sequence in 0..<sequences {
      now.removeAll(keepingCapacity: true)
      old.removeAll(keepingCapacity: true)
      reference.removeAll(keepingCapacity: true)
      advantages.removeAll(keepingCapacity: true)
      var divisor = 1.0
      let places = sequence * length..<(sequence + 1) * length
      for place in places where input.targets[place] >= 0 {
        let own = numbers + place * PolicyNumbers.count
        now.append(-losses[place])
        old.append(Double(own[PolicyNumbers.old]))
        reference.append(Double(own[PolicyNumbers.reference]))
        advantages.append(Double(own[PolicyNumbers.advantage]))
        divisor = Double(own[PolicyNumbers.divisor])
      }
      guard let first = now.indices.first else { continue }
      let sums = slopes.withUnsafeMutableBufferPointer {
        form(
          now, old: old[first].isNaN ? nil : old, reference: reference[first].isNaN ? nil : reference,
          advantages: advantages, divisor: divisor, slopes: $0)
      }
      sum += sums.loss
      counts[PolicySums.tokens] += Double(now.count)
      counts[PolicySums.distance] += sums.distance
      counts[PolicySums.clipped] += sums.clipped
      counts[PolicySums.surprise] -= now.reduce(0, +)
      outputs?[sequence] = now.reduce(0, +)
      if form.values != nil { sum += valueLoss(places, input, numbers, divisor: divisor, &counts) }
      var token = 0
      for place in places where input.targets[place] >= 0 {
        // A target's loss is the negative of its log-probability.
        factors[place] = Float(-slopes[token])
        token += 1
      }
    }
    return sum
  }

  /// The weighted loss of an answer's values.
  private func valueLoss(
    _ places: Range<Int>, _ input: GraphInput, _ numbers: UnsafePointer<Float>, divisor: Double,
    _ counts: inout [Double]
  ) -> Double {
    guard let form = form.values, let values, let slopesOfValues else { return 0 }
    var sum = 0.0
    for place in places where input.targets[place] >= 0 {
      let own = numbers + place * PolicyNumbers.count
      let found = form(
        Double(values[place]), old: Double(own[PolicyNumbers.value]),
        earned: Double(own[PolicyNumbers.earned]))
      sum += form.weight * found.loss / divisor
      slopesOfValues[place] = Float(found.slope / divisor)
      counts[PolicySums.valueLoss] += found.loss
      if found.isClipped { counts[PolicySums.valuesClipped] += 1 }
    }
    return sum
  }

  /// Answers that nothing is told of, such as those of the data, are learned as they are.
  private func asTheyAre(_ input: GraphInput) -> Double {
    var sum = 0.0
    for place in 0..<sequences * length where input.targets[place] >= 0 {
      sum += losses[place]
      factors[place] = 1
      slopesOfValues?[place] = 0
    }
    return sum
  }

  func targetFactors(_ input: GraphInput) -> UnsafePointer<Float> { UnsafePointer(factors) }
}

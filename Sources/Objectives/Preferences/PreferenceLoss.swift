// The loss of a micro-batch of answers, from the log-probabilities of each.
import Datasets
import Graph

extension PreferenceSettings {
  /// One answer of a micro-batch.
  private struct Answer {
    let numbers: AnswerNumbers
    let logProbability: Double
    let tokens: Double
    let promptLogProbability: Double
    let promptTokens: Double
    /// The log-probability that the reference gives it; 0 without a reference.
    let reference: Double
    let ofStep: Double

    init(_ frame: SequenceLossFrame, _ row: Int) {
      let given = frame.numbers + row * AnswerNumbers.count
      numbers = AnswerNumbers(given)
      (promptLogProbability, logProbability) = (
        frame.logProbabilities[2 * row], frame.logProbabilities[2 * row + 1]
      )
      (promptTokens, tokens) = (frame.targets[2 * row], frame.targets[2 * row + 1])
      reference = Double(given[AnswerNumbers.reference])
      ofStep = Double(given[AnswerNumbers.ofStep])
    }

    var ratio: Double { logProbability - reference }
  }

  /// What the graph computes.
  var sequenceLoss: SequenceLoss {
    SequenceLoss(
      counts: PreferenceSums.count,
      promptTargets: { AnswerNumbers($0 + $1 * AnswerNumbers.count).promptTargets },
      formula: { frame in
        switch form {
        case .pairs(let loss): value(loss, frame)
        case .labelled(let loss): value(loss, frame)
        }
      })
  }

  private func value(_ form: PairLoss, _ frame: SequenceLossFrame) -> Double {
    let tally = PreferenceTally(base: frame.counts)
    // Where nothing is compared, rewards and logs are of the scores themselves.
    let logsMeans = takesMeans && !form.usesReference
    var sum = 0.0
    for first in stride(from: 0, to: frame.sequences, by: 2) {
      let (better, worse) = (Answer(frame, first), Answer(frame, first + 1))
      let parts = takesMeans ? (1 / max(better.tokens, 1), 1 / max(worse.tokens, 1)) : (1, 1)
      let value = form.value(better.ratio * parts.0, worse.ratio * parts.1, constants)
      frame.slopes[2 * first + 1] += value.better * parts.0
      frame.slopes[2 * first + 3] += value.worse * parts.1
      sum += value.loss
      tally.add(value.loss, to: .loss)
      let rewards = (
        add(better, logsMeans ? parts.0 : 1, to: tally), add(worse, logsMeans ? parts.1 : 1, to: tally)
      )
      if rewards.0 > rewards.1 { tally.add(1, to: .right) }
      sum += crossEntropy(of: better, frame.slopes + 2 * first, tally)
    }
    return sum
  }

  /// Adds what logs show of an answer.
  /// - Returns: its reward.
  private func add(_ answer: Answer, _ unit: Double, to tally: PreferenceTally) -> Double {
    let reward = constants.beta * answer.ratio * unit
    tally.add(
      isWanted: answer.numbers.isWanted, reward: reward, logs: answer.logProbability * unit,
      tokens: answer.tokens)
    // An estimate of the divergence that is never negative (Schulman 2020, k2).
    tally.add(answer.ratio * answer.ratio / 2, to: .divergence)
    return reward
  }

  /// The part of a better answer in their mean cross-entropy, as a share of the loss of one pair.
  private func crossEntropy(
    of answer: Answer, _ slopes: UnsafeMutablePointer<Double>, _ tally: PreferenceTally
  ) -> Double {
    guard sftWeight > 0 else { return 0 }
    let loss = -answer.logProbability - answer.promptLogProbability
    tally.add(loss, to: .crossEntropy)
    tally.add(answer.tokens + answer.promptTokens, to: .crossEntropyTokens)
    let weight = sftWeight * answer.ofStep
    slopes[0] -= weight
    slopes[1] -= weight
    return weight * loss
  }

  private func value(_ form: LabelledLoss, _ frame: SequenceLossFrame) -> Double {
    let tally = PreferenceTally(base: frame.counts)
    var sum = 0.0
    for row in 0..<frame.sequences {
      let answer = Answer(frame, row)
      let isWanted = answer.numbers.isWanted
      let value = form.value(answer.ratio, isWanted: isWanted, divergence: answer.ofStep)
      frame.slopes[2 * row + 1] += value.slope
      sum += value.loss
      tally.add(value.loss, to: .loss)
      tally.add(
        isWanted: isWanted, reward: form.beta * answer.ratio, logs: answer.logProbability,
        tokens: answer.tokens)
      tally.add(answer.ofStep, to: .divergence)
    }
    return sum
  }
}

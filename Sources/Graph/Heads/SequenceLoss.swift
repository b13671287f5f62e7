// A loss of the log-probabilities of whole sequences: forward gives the losses of all targets, from which follow the loss
// and its slope in each sequence's sum; then the targets of a sequence get their gradients with that slope.
import Kernels
import Tensors

/// What the loss of sequences sees of a micro-batch. Each sequence has two sums over its targets: of those in its prompt,
/// where these are targets too, and of the others.
package struct SequenceLossFrame {
  package let sequences: Int
  /// [sequences, 2]: the sums of log-probabilities, in nats, and how many targets each is of.
  package let logProbabilities: UnsafePointer<Double>
  package let targets: UnsafePointer<Double>
  /// [sequences · n]: what each sequence has beside its tokens.
  package let numbers: UnsafePointer<Float>
  /// [sequences, 2]: the slope of the loss in each sum, to be written; zeros before.
  package let slopes: UnsafeMutablePointer<Double>
  /// The sums that are left beside the loss, to be added to.
  package let counts: UnsafeMutablePointer<Double>
}

/// A loss of sequences.
package struct SequenceLoss: TargetLoss {
  /// How many sums it leaves beside the loss.
  package let counts: Int
  /// How many of a sequence's targets stand in its prompt, by the numbers of all sequences.
  package let promptTargets: @Sendable (_ numbers: UnsafePointer<Float>, _ sequence: Int) -> Int
  /// The sum of the losses.
  package let formula: @Sendable (SequenceLossFrame) -> Double

  package init(
    counts: Int, promptTargets: @escaping @Sendable (UnsafePointer<Float>, Int) -> Int,
    formula: @escaping @Sendable (SequenceLossFrame) -> Double
  ) {
    (self.counts, self.promptTargets, self.formula) = (counts, promptTargets, formula)
  }
}

extension SequenceLoss {
  package func run(sequences: Int, length: Int) -> any TargetLossRun {
    SequenceLossRun(self, sequences: sequences, length: length)
  }
}

/// A loss of sequences with the memory of a shape of micro-batches.
final class SequenceLossRun: TargetLossRun, @unchecked Sendable {
  private let form: SequenceLoss
  let sequences: Int
  private let length: Int
  private let doubles: UnsafeMutablePointer<Double>
  /// [sequences · length]
  private let factors: UnsafeMutablePointer<Float>

  init(_ form: SequenceLoss, sequences: Int, length: Int) {
    (self.form, self.sequences, self.length) = (form, sequences, length)
    doubles = .allocate(capacity: sequences * (length + 6))
    doubles.initialize(repeating: 0, count: sequences * (length + 6))
    factors = .allocate(capacity: sequences * length)
    factors.initialize(repeating: 0, count: sequences * length)
  }

  deinit {
    doubles.deallocate()
    factors.deallocate()
  }

  /// [sequences · length]: where the losses of targets go, NaN without a target.
  var losses: UnsafeMutablePointer<Double> { doubles }
  private var sums: UnsafeMutablePointer<Double> { doubles + sequences * length }
  private var targets: UnsafeMutablePointer<Double> { sums + 2 * sequences }
  private var slopes: UnsafeMutablePointer<Double> { targets + 2 * sequences }

  /// The loss, after the losses of targets were written.
  /// - Parameter outputs: [sequences]: where the log-probabilities of answers go; nil while a model is trained.
  func loss(_ input: GraphInput, counts: inout [Double], outputs: UnsafeMutablePointer<Double>?) -> Double {
    guard let numbers = input.numbers else { preconditionFailure("the batch has no numbers") }
    sums.update(repeating: 0, count: 6 * sequences)
    for sequence in 0..<sequences {
      let promptTargets = form.promptTargets(numbers, sequence)
      var seen = 0
      for place in sequence * length..<(sequence + 1) * length where input.targets[place] >= 0 {
        let part = 2 * sequence + (seen < promptTargets ? 0 : 1)
        sums[part] -= losses[place]
        targets[part] += 1
        seen += 1
      }
      outputs?[sequence] = sums[2 * sequence + 1]
    }
    return counts.withUnsafeMutableBufferPointer { counts in
      form.formula(
        SequenceLossFrame(
          sequences: sequences, logProbabilities: sums, targets: targets, numbers: numbers, slopes: slopes,
          counts: counts.baseAddress!))
    }
  }

  /// [sequences · length]: the factor of each target's gradient, after `loss`.
  func targetFactors(_ input: GraphInput) -> UnsafePointer<Float> {
    guard let numbers = input.numbers else { preconditionFailure("the batch has no numbers") }
    for sequence in 0..<sequences {
      let promptTargets = form.promptTargets(numbers, sequence)
      var seen = 0
      for place in sequence * length..<(sequence + 1) * length where input.targets[place] >= 0 {
        // A target's loss is the negative of its log-probability.
        factors[place] = Float(-slopes[2 * sequence + (seen < promptTargets ? 0 : 1)])
        seen += 1
      }
    }
    return UnsafePointer(factors)
  }
}

// One optimizer step, from micro-batches to weights.
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Optimizers
import Sharding

/// What a step did. It is the same on every rank, except for the seconds.
package struct StepReport: Sendable {
  /// 1 for the first step.
  package var step: Int
  /// The mean over the target tokens of the step, in nats; nil if it had none.
  package var loss: Double?
  /// The gradient's norm before clipping.
  package var gradientNorm: Double
  package var learningRate: Double
  /// The tokens read, without padding.
  package var tokens: Int
  package var targetTokens: Int
  package var seconds: Double
  /// The seconds that this rank spent on the exchange of gradients and weights while it computed nothing else.
  package var exchangeSeconds: Double
  /// How many of its micro-batches were computed twice, with the same result.
  package var audits: Int
  /// What is wrong with the numbers above; nil if nothing is.
  package var finding: NumberFinding?
}

package final class TrainStep {
  let replica: Replica
  let gradients: GradientSum
  let optimizer: ShardedOptimizer
  let schedule: Schedule
  let ranks: Ranks
  let sequences: TokenSequences
  let mask: PackingMask
  let seed: UInt64
  /// The largest norm of the gradient; 0 for none.
  let gradientClip: Double
  package private(set) var watch: NumberWatch
  /// The memory that one step leaves to the next, so that steps do not allocate memory that grows with the model or
  /// the data.
  private var batch = Batch()
  private var losses: [Double] = []
  private var allLosses: [Double] = []
  private var lossCounts: [Int] = []
  private let offending: OffendingSamples
  private let audit: Audit

  package init(
    replica: Replica, gradients: GradientSum, optimizer: ShardedOptimizer, schedule: Schedule, ranks: Ranks,
    sequences: TokenSequences, mask: PackingMask, seed: UInt64, gradientClip: Double,
    watch: NumberWatch = NumberWatch(), auditShare: Double = 0,
    decode: @escaping @Sendable (ArraySlice<Int32>) -> String = { _ in "" }
  ) {
    precondition(
      replica.holds >= GradientSum.holds(ranks: ranks.count), "others would read gradients that are gone")
    self.replica = replica
    self.gradients = gradients
    self.optimizer = optimizer
    self.schedule = schedule
    self.ranks = ranks
    self.sequences = sequences
    self.mask = mask
    self.seed = seed
    self.gradientClip = gradientClip
    self.watch = watch
    audit = Audit(share: auditShare, seed: seed, layout: replica.layout, ranks: ranks)
    offending = OffendingSamples(sequences: sequences, replica: replica, mask: mask, decode: decode)
  }

  /// Runs step `step`, the first being number 1.
  /// - Throws: if an audit finds that a rank computed wrongly; nothing of the step is then applied.
  package func run(_ step: Int, _ microBatches: [MicroBatch]) throws -> StepReport {
    let start = Date()
    ranks.board?.tell(step: step)
    // The denominator: every rank counts the targets of the whole step before the first backward pass.
    let (tokens, targets) = sequences.counts(of: microBatches)
    losses.removeAll(keepingCapacity: true)
    audit.begin(step: step)
    gradients.sum(microBatches: microBatches.count) { number in
      let isAudited = audit.isChosen(number)
      let loss = compute(microBatches[number], dividedBy: targets, step: step) { segment, values in
        if isAudited { replica.engine.time("audit") { audit.take(segment: segment, values) } }
        replica.engine.time("exchange") { gradients.add(segment: segment, values) }
      }
      if isAudited { audit.take(loss: loss) }
      losses.append(loss)
    }
    // No rank reads this rank's gradients any more, so their memory can be used again.
    let audits = try audit.compare(microBatches: microBatches.count) { number in
      let loss = compute(microBatches[number], dividedBy: targets, step: step) { segment, values in
        replica.engine.time("audit") { audit.take(segment: segment, values) }
      }
      audit.take(loss: loss)
    }
    ranks.board?.tell(.update)
    let norm = replica.engine.time("norm") { gradients.squaredNorm().squareRoot() }
    let learningRate = schedule.learningRate(step: step - 1)
    let loss = lossSum(of: microBatches.count)
    var gatherSeconds = 0.0
    // Skipped steps do not count, as if torch's optimizer.step() had not been called.
    let update = step - watch.history.skipped
    var finding = targets > 0 ? watch.look(loss: loss, norm: norm) : nil
    if finding != nil {
      let rounds = lossCounts[0]
      let gatheredLosses = microBatches.indices.map { gathered($0, rounds: rounds) }
      if ranks.isFirst { finding?.samples = offending.words(microBatches, losses: gatheredLosses) }
      // No rank may change weights that the first rank still computes with.
      ranks.barrier()
    }
    if targets > 0, finding?.isWithheld != true {
      gradients.completeReplicas()
      replica.engine.time("update") {
        optimizer.step(
          update, weights: replica.weights, gradients: gradients, gradientScale: clip(norm),
          gradientNorm: norm, learningRate: learningRate, over: ranks)
      }
      let updated = Date()
      replica.engine.time("gather") { optimizer.gather(weights: replica.weights, over: ranks) }
      gatherSeconds = Date().timeIntervalSince(updated)
    }
    return StepReport(
      step: step, loss: targets > 0 ? loss / Double(targets) : nil, gradientNorm: norm,
      learningRate: learningRate, tokens: tokens, targetTokens: targets,
      seconds: Date().timeIntervalSince(start), exchangeSeconds: gradients.seconds + gatherSeconds,
      audits: audits, finding: finding)
  }

  /// The sum of a micro-batch's losses; its gradients are handed over segment by segment.
  private func compute(
    _ microBatch: MicroBatch, dividedBy targets: Int, step: Int,
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) -> Double {
    sequences.fill(&batch, with: microBatch, mask: mask)
    return replica.train(
      batch, dividedBy: targets, seed: seed, step: step, gradients: gradients.gradients,
      afterEach: {
        ranks.board?.tell($0.isBackward ? .backward : .forward, layer: $0.layer)
        gradients.poke()
      }, whenFinal: whenFinal)
  }

  /// The losses of all micro-batches, added in their order: rank i has those of numbers i, i + N, i + 2N, …
  private func lossSum(of count: Int) -> Double {
    let rounds = (count + ranks.count - 1) / ranks.count
    // Every rank brings the same number, so that the index of a loss says where it belongs.
    while losses.count < rounds { losses.append(0) }
    if lossCounts.first != rounds {
      lossCounts = [Int](repeating: rounds, count: ranks.count)
      allLosses = [Double](repeating: 0, count: rounds * ranks.count)
    }
    losses.withUnsafeBufferPointer { ranks.gather($0, counts: lossCounts, into: &allLosses) }
    return (0..<count).reduce(0) { $0 + gathered($1, rounds: rounds) }
  }

  /// The loss of a micro-batch, once they are gathered.
  private func gathered(_ number: Int, rounds: Int) -> Double {
    allLosses[number % ranks.count * rounds + number / ranks.count]
  }

  /// Resumes from a checkpoint.
  func restore(_ history: NumberHistory) { watch.restore(history) }

  /// The factor of the gradients: min(1, limit / norm), as torch's `clip_grad_norm_`.
  private func clip(_ norm: Double) -> Float {
    gradientClip == 0 ? 1 : Float(min(1, gradientClip / (norm + 1e-6)))
  }
}

/// Puts values in the order of their numbers; they come by rank, and rank i has numbers i, i + N, i + 2N, …
func inOrder(_ byRank: [[Double]]) -> [Double] {
  let rounds = byRank.map(\.count).max() ?? 0
  return (0..<rounds).flatMap { round in byRank.compactMap { round < $0.count ? $0[round] : nil } }
}

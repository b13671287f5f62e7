// The loss on sequences that are not trained on.
import Base
import Collectives
import Datasets

/// A loss over target tokens.
package struct Evaluation: Sendable {
  /// Sum over all targets, in nats.
  package var lossSum: Double
  package var targets: Int
  package var tokens: Int
  /// nil if there is no target.
  package var loss: Double? { targets > 0 ? lossSum / Double(targets) : nil }
}

/// The loss of every sequence, over all ranks, summed in the order of the data: the same at every rank count.
package func evaluate(
  _ sequences: TokenSequences, replica: Replica, ranks: Ranks, microBatchSize: Int, mask: PackingMask
) -> Evaluation {
  let microBatches = MicroBatch.cut(Array(0..<sequences.count), size: microBatchSize)
  var losses: [Double] = []
  for index in stride(from: ranks.rank, to: microBatches.count, by: ranks.count) {
    ranks.board?.tell(.validation)
    losses.append(replica.loss(sequences.batch(microBatches[index], mask: mask)))
  }
  return Evaluation(
    lossSum: inOrder(ranks.gather(losses)).reduce(0, +), targets: sequences.targetCount,
    tokens: sequences.tokens.count)
}

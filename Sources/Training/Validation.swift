// The loss on sequences that are not trained on.
import Base
import Collectives
import Datasets
import Objectives

/// How well a model does on data.
package struct Evaluation: Sendable {
  package var sums: LossSums
  package var tokens: Int
  package var rows: Int
  /// The objective's own numbers.
  package var scalars: [Scalar]
  /// The mean over all targets or rows, in nats; nil if there is none.
  package var loss: Double? { sums.meanLoss }
}

/// The loss of every sequence, over all ranks, summed in the order of the data: the same at every rank count.
package func evaluate(
  _ sequences: TokenSequences, replica: Replica, ranks: Ranks, microBatchSize: Int, mask: PackingMask
) -> Evaluation {
  let microBatches = MicroBatch.cut(Array(0..<sequences.count), size: microBatchSize)
  var sums = MicroBatchSums(counts: replica.objective.counts, ranks: ranks)
  for index in stride(from: ranks.rank, to: microBatches.count, by: ranks.count) {
    ranks.board?.tell(.validation)
    let loss = replica.loss(sequences.batch(microBatches[index], mask: mask))
    sums.append(loss: loss, counts: replica.counts)
  }
  sums.gather(microBatches: microBatches.count)
  let total = sums.total(microBatches: microBatches.count, units: sequences.targetCount)
  return Evaluation(
    sums: total, tokens: sequences.tokens.count, rows: sequences.count,
    scalars: replica.objective.scalars(ofEvaluation: total))
}

// The probabilities of labels, row by row, over all ranks.
import Collectives
import Datasets
import Foundation

/// - Parameter replica: of a model whose head has labels.
/// - Returns: [rows, labels] in the order of the rows, known to all ranks. Collective.
package func labelScores(
  _ sequences: TokenSequences, replica: Replica, ranks: Ranks, microBatchSize: Int
) -> [Double] {
  let microBatches = MicroBatch.cut(Array(0..<sequences.count), size: microBatchSize)
  var own: [Double] = []
  for index in stride(from: ranks.rank, to: microBatches.count, by: ranks.count) {
    let batch = sequences.batch(microBatches[index], mask: .none)
    let logits = replica.logits(batch)
    let labels = logits.count / batch.rows
    for row in 0..<batch.rows { own += softmax(logits[row * labels..<(row + 1) * labels]) }
  }
  let all = ranks.gather(own)
  let labels = sequences.count == 0 ? 0 : all.reduce(0) { $0 + $1.count } / sequences.count
  var starts = [Int](repeating: 0, count: ranks.count)
  return microBatches.indices.flatMap { index in
    let rank = index % ranks.count
    let count = microBatches[index].sequences.count * labels
    defer { starts[rank] += count }
    return all[rank][starts[rank]..<starts[rank] + count]
  }
}

private func softmax(_ z: ArraySlice<Float>) -> [Double] {
  let largest = z.max() ?? 0
  let e = z.map { exp(Double($0 - largest)) }
  let sum = e.reduce(0, +)
  return e.map { $0 / sum }
}

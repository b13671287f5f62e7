// For a loss of all samples of a step together: forward first, for the representations of all rows, from which their
// gradients follow on every rank alike.
import Collectives
import Datasets
import Objectives

/// The gradients of the rows of one step.
struct JointGradients {
  /// [rows, width]: see `Batch.rowGradients`.
  private let numbers: [Float]
  private let width: Int

  /// Collective.
  /// - Parameter before: called before each micro-batch.
  init(
    _ microBatches: [MicroBatch], of sequences: TokenSequences, replica: Replica, ranks: Ranks,
    mask: PackingMask,
    units: Int, _ draw: BatchDraw, before: () -> Void
  ) {
    var own: [Double] = []
    var batch = Batch()
    for index in stride(from: ranks.rank, to: microBatches.count, by: ranks.count) {
      before()
      replica.objective.fill(&batch, with: microBatches[index], of: sequences, mask: mask, draw)
      own += replica.rehearse(batch, draw).lazy.map(Double.init)
    }
    let rows = microBatches.flatMap(\.sequences)
    let all = gathered(own, of: sequences, microBatches, .perSequence, ranks)
    numbers = replica.objective.joint(
      all.map(Float.init), of: rows, in: sequences, units: units, replica.engine)
    width = numbers.count / max(1, rows.count)
  }

  /// Gives a micro-batch those of its rows.
  func fill(_ batch: inout Batch, _ microBatch: MicroBatch) {
    let first = microBatch.firstSample * width
    batch.rowGradients.append(contentsOf: numbers[first..<first + microBatch.sequences.count * width])
  }
}

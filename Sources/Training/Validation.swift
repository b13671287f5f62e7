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
  /// For each source of a mixture whose losses are known; empty otherwise.
  package var sources: [SourceReport] = []
  /// The mean over all targets or rows, in nats; nil if there is none.
  package var loss: Double? { sums.meanLoss }
  /// The same of general text; nil where none is watched.
  package var general: Double?

  /// Of general text alone.
  package init(general: Double?) {
    (sums, tokens, rows, scalars) = (LossSums(loss: 0, units: 0), 0, 0, [])
    self.general = general
  }

  package init(_ evaluated: Evaluated, for objective: any Objective) {
    sums = evaluated.sums
    tokens = evaluated.sequences.tokenCount
    rows = evaluated.sequences.samples
    scalars = objective.scalars(of: evaluated)
  }
}

/// The loss of every sequence, over all ranks, summed in the order of the data: the same at every rank count.
package func evaluate(
  _ sequences: TokenSequences, rows: RowTexts? = nil, replica: Replica, ranks: Ranks, microBatchSize: Int,
  mask: PackingMask, sources: SourceLosses? = nil, reference: Reference? = nil
) throws -> Evaluation {
  let bySource = sources != nil && replica.keepsTokenLosses
  let evaluated = try measure(
    sequences, rows: rows, replica: replica, ranks: ranks, microBatchSize: microBatchSize, mask: mask,
    form: bySource ? .perToken : nil, reference: reference)
  var evaluation = Evaluation(evaluated, for: replica.objective)
  if bySource, let sources { evaluation.sources = sources.reports(of: evaluated) }
  return evaluation
}

extension Evaluation {
  /// What a checkpoint keeps of the measurement before the first step.
  var losses: JSON {
    func number(_ value: Double?) -> JSON { value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null }
    return .object(["loss": number(loss), "general": number(general)])
  }

  /// - Parameter losses: as a checkpoint keeps them; what is no number is as if it had not been measured.
  init(losses: JSON) {
    self.init(general: losses["general"]?.double)
    if let loss = losses["loss"]?.double { sums = LossSums(loss: loss, units: 1) }
  }
}

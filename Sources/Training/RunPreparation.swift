// What a run computes before its first step: features of all samples, and what a reference gives to their answers.
import Base
import Collectives
import Foundation

extension Run {
  /// Computes the features of all samples, if only a head is trained.
  func headRun(from first: Int) throws -> HeadRun? {
    guard let featureForm, first <= data.steps else { return nil }
    let begin = Date()
    try tell { try $0.noted("computing the features of \(counted(data.dataset.train.samples, "sample"))") }
    let head = try HeadRun(
      recipe, data, featureForm, from: first, replica: replica, ranks: ranks, ledger: ledger)
    let seconds = String(format: "%.1f", Date().timeIntervalSince(begin))
    try tell { try $0.noted("features computed in \(seconds) s") }
    return head
  }

  /// Finds what answers are compared with, if the task compares them. Collective.
  func compare(from first: Int) throws {
    guard first <= data.steps else { return }
    reference = try Reference(
      recipe, &data, from: first, policy: replica, checkpoint: resumed?.path, ranks: ranks, ledger: ledger,
      refill: { checkpoint in
        try ranks.together {
          try fillTrained(
            from: try RunReader(
              model.description, recipe, layout: replica.store.layout, checkpoint: checkpoint,
              engine: replica.engine))
        }
        replica.weights.refreshVectors()
      }, tell: { text in try tell { try $0.noted(text) } })
    step.reference = reference
    step.sequences = data.dataset.train
  }
}

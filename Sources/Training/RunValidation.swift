// What a run measures on its validation data.
import Base
import Evaluation
import Recipes

extension Run {
  /// The loss on the validation data with the weights as they are; nil if there is nothing to measure. Collective.
  package func validate() throws -> Evaluation? {
    try step.withEvaluated { try measureLoss() }
  }

  private func measureLoss() throws -> Evaluation? {
    if let parts {
      step.finish()
      return try replica.engine.time("validation") { try parts.validate(ranks: ranks) }
    }
    guard let sequences = data.dataset.validation else {
      guard let general else { return nil }
      step.finish()
      return Evaluation(general: try general.loss())
    }
    step.finish()
    var evaluation = try replica.engine.time("validation") {
      try evaluate(
        sequences, rows: data.dataset.validationRows, replica: replica, ranks: ranks,
        microBatchSize: recipe.training.microBatchSize,
        mask: recipe.data.packingMask,
        sources: data.dataset.hasValidationFiles ? nil : SourceLosses(recipe.data.sources),
        reference: reference)
    }
    evaluation.scalars += try policy?.validate() ?? []
    evaluation.general = try general?.loss()
    return evaluation
  }
}

// Ends a run whose measure does not get better, and knows the step that was the best.
import Base
import Recipes

struct EarlyStopping {
  let recipe: StoppingRecipe
  private let isHigherBetter: Bool
  private(set) var best: (step: Int, value: Double)?
  /// Measurements since the best one.
  private(set) var waited = 0

  /// Whether the run ends.
  var isOver: Bool { waited >= recipe.patience }

  /// - Parameter kept: what the checkpoint that a run resumes from holds.
  init(_ recipe: StoppingRecipe, isHigherBetter: Bool, kept: JSON?) {
    self.recipe = recipe
    self.isHigherBetter = isHigherBetter
    // Another measure begins anew.
    guard let kept, kept["on"]?.text == recipe.measure.name else { return }
    if let step = kept["best_step"]?.integer, let value = kept["best"]?.double { best = (step, value) }
    waited = kept["waited"]?.integer ?? 0
  }

  /// Notes a measurement.
  /// - Returns: whether it is the best so far. A number that is not finite is not.
  mutating func note(_ value: Double, at step: Int) -> Bool {
    let isBetter =
      value.isFinite && (best.map { isHigherBetter ? value > $0.value : value < $0.value } ?? true)
    if isBetter {
      best = (step, value)
      waited = 0
    } else {
      waited += 1
    }
    return isBetter
  }

  /// What a checkpoint keeps.
  var json: JSON {
    .object([
      "on": .string(recipe.measure.name), "best_step": best.map { .integer($0.step) } ?? .null,
      "best": best.map { .number($0.value) } ?? .null, "waited": .integer(waited),
    ])
  }
}

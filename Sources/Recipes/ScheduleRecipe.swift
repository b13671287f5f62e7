// The schedule of the learning rate as a recipe describes it.
import Base
import Optimizers

package struct ScheduleRecipe: Sendable {
  package var shape: Schedule.Shape
  package var warmupSteps: Int
  package var finalRatio: Double
  package var details = Schedule.Details()

  /// - Parameter optimizer: which may have no schedule but its own.
  package init(_ section: Section, for optimizer: OptimizerRecipe) {
    let hasOwn = optimizer.rule is ScheduleFree
    shape = section.choice("name", default: hasOwn ? .constant : .cosine)
    if hasOwn, shape != .constant {
      section.fail(
        "name", "is \(shape.rawValue), and optimizer schedule_free needs a constant rate",
        hint: "leave it out; warmup_steps count")
    }
    warmupSteps = section.integer("warmup_steps", default: 10, in: 0...1 << 40)
    switch shape {
    case .polynomial: details.power = section.number("power", default: 1, in: 0.01...100)
    case .cosineRestarts: details.cycles = section.integer("cycles", default: 2, in: 1...1 << 20)
    case .stable where section.has("decay_steps"):
      details.decaySteps = section.integer("decay_steps", in: 1...1 << 40)
    case .inverseRoot where section.has("timescale"):
      details.timescale = section.integer("timescale", in: 1...1 << 40)
    case .constant where section.has("rise_from"):
      details.riseFrom = section.number("rise_from", default: 1, in: 1e-15...1)
    case .plateau:
      details.plateau.factor = section.number("factor", default: 0.1, in: 0...0.9999)
      details.plateau.patience = section.integer("patience", default: 10, in: 0...1 << 40)
      details.plateau.threshold = section.number("threshold", default: 1e-4, in: 0...1)
      details.plateau.cooldown = section.integer("cooldown", default: 0, in: 0...1 << 40)
    default: break
    }
    finalRatio = section.number("final_ratio", default: shape == .plateau ? 0 : 0.1, in: 0...1)
    details.plateau.lowest = finalRatio
  }

  /// A note about the warm-up of a run with this many steps; nil if the warm-up ends before the run.
  package func note(steps: Int) -> String? {
    guard warmupSteps >= steps else { return nil }
    let end = warmupSteps == steps ? "" : ", and never reaches optimizer.learning_rate"
    return
      "schedule.warmup_steps is \(warmupSteps), and the run has \(counted(steps, "step")): the learning rate "
      + "rises to the end\(end)"
  }
}

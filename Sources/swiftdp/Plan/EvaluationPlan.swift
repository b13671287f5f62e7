// What benchmarks add to a run: training.evaluate.
import Base
import Evaluation
import Kernels
import Planning
import Recipes
import Tokenizers
import Training

struct EvaluationPlan {
  /// The tokens of one evaluation, at most, its seconds, and the steps between two.
  let tokens: Int
  let seconds: Double
  let every: Int

  /// Products that are summed row by row reach this share of the rate of others (docs/plan.md).
  private static let efficiency = 0.6

  /// - Parameter step: of the arrangement that is recommended.
  /// - Returns: nil where the recipe has no tasks.
  /// - Throws: what is missing to count them: the tokenizer, or files of the tasks.
  init?(_ planner: Planner, _ step: StepEstimate, engine: Engine) throws {
    guard let recipe = planner.recipe.training.evaluation else { return nil }
    let folder = planner.recipe.model
    // Prompts need no weights: memory that nobody writes to takes no room.
    let model = try TaskModel(
      planner.description, weights: WeightStore(planner.description, type: .float32), engine: engine,
      tokenizer: try Tokenizer(folder: folder), folder: folder)
    var options = TaskOptions()
    (options.data, options.limit, options.shots) = (recipe.data, recipe.limit, recipe.shots)
    (options.batchSize, options.needsDetails) = (recipe.batchSize, false)
    tokens = try PreparedTasks(try TaskSet(recipe.tasks), options, for: model).tokens
    every = recipe.every
    // A third of a step's products is forward.
    let ofToken = step.products / 3 / Double(max(step.tokens, 1))
    seconds = Double(tokens) * ofToken / Self.efficiency
  }

  /// - Parameter step: seconds of a step.
  func words(step: Double) -> String {
    let share = seconds / (Double(every) * step)
    return "\(grouped(tokens)) tokens at most, \(duration(seconds)) every \(counted(every, "step")): "
      + "\(decimals(100 * share, 1)) % more time"
  }

  var json: JSON {
    .object(["tokens": .integer(tokens), "seconds": .number(seconds), "every": .integer(every)])
  }
}

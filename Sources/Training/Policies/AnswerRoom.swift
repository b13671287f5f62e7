// What the answers of a policy need in memory.
import Generation
import Models
import Objectives
import Planning
import Recipes

extension RunShape {
  /// Adds the answers to the prompts, and the keys and values of as many texts as are continued at once: others wait.
  /// Other tasks have none.
  package mutating func addAnswers(_ recipe: Recipe, _ description: ModelDescription) {
    guard let task = recipe.objective as? any PolicyTask else { return }
    batch.length = min(batch.length + task.rollouts.longest, description.family.maximumLength)
    dataBytes += Generator.cacheBytes(
      description, texts: task.rollouts.batchSize, capacity: batch.length)
  }
}

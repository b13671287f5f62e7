// What tasks in which a model learns from rewards of its own answers have in common. Names and defaults are those of TRL 1
// (GRPOConfig, RLOOConfig).
import Base
import Kernels
import Rewards

/// How answers are drawn and used.
package struct RolloutSettings: Sendable {
  /// Answers to each prompt of a step; `training.batch_size` counts answers.
  package var generations: Int
  /// The most tokens of an answer.
  package var longest: Int
  package var temperature: Double
  package var topP: Double
  package var topK: Int?
  /// Optimizer steps on the same answers.
  package var iterations: Int
  /// Whether an answer that was cut off carries no loss.
  package var masksCut: Bool
  package var rewards: [RewardRecipe]
  /// How many texts are continued at once on a rank.
  package var batchSize: Int
  /// What projections are kept in while answers are drawn; nil for the weights as they are.
  package var storage: FrozenStorage?

  /// - Parameters:
  ///   - generations: answers to each prompt by default, and at least.
  ///   - iterations: the key of the optimizer steps on the same answers, and their usual number.
  init(
    _ section: Section, generations usual: Int, atLeast least: Int = 2,
    iterations steps: (key: String, usual: Int) = ("num_iterations", 1)
  ) {
    generations = section.integer("num_generations", default: usual, in: least...1 << 16)
    longest = section.integer("max_completion_length", default: 256, in: 1...1 << 20)
    temperature = section.number("temperature", default: 1, in: 0.01...100)
    topP = section.number("top_p", default: 1, in: 0.000001...1)
    let likeliest = section.integer("top_k", default: 0, in: 0...1 << 30)
    topK = likeliest > 0 ? likeliest : nil
    iterations = section.integer(steps.key, default: steps.usual, in: 1...1000)
    masksCut = section.bool("mask_truncated_completions", default: false)
    batchSize = section.integer("generation_batch_size", default: 64, in: 1...1 << 20)
    rewards = RewardRecipe.list(section)
  }

  /// `rollout_dtype`.
  mutating func readType(_ section: Section) {
    enum Name: String, CaseIterable { case float32, bfloat16, int8 }
    storage =
      switch section.choice("rollout_dtype", default: Name.float32) {
      case .float32: nil
      case .bfloat16: .bfloat16
      case .int8: .int8
      }
  }

  /// What decides results.
  var json: [(String, JSON)] {
    [
      ("num_generations", .integer(generations)), ("max_completion_length", .integer(longest)),
      ("temperature", .number(temperature)), ("top_p", .number(topP)), ("top_k", .integer(topK ?? 0)),
      ("num_iterations", .integer(iterations)), ("mask_truncated_completions", .bool(masksCut)),
      (
        "rewards",
        .array(
          rewards.map { reward in
            .object([
              JSON.Member(key: Array("name".utf8), value: .string(reward.name)),
              JSON.Member(key: Array("weight".utf8), value: .number(reward.weight)),
            ])
          })
      ),
    ] + (storage.map { [("rollout_dtype", .string("\($0)"))] } ?? [])
  }
}

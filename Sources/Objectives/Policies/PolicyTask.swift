// A language model learns from rewards of its own answers.
import Base
import Datasets
import Graph
import Models

package protocol PolicyTask: Objective {
  var rollouts: RolloutSettings { get }
  var form: PolicyLossForm { get }
  /// How much better than expected each answer is.
  /// - Parameters:
  ///   - rewards: of the answers, those to one prompt beside each other.
  ///   - divergence: for each answer, the sum over its tokens of how much likelier they were than to the reference;
  ///     nil without a reference.
  func advantages(of rewards: [Double], divergence: [Double]?) -> [Double]
  /// What follows from each token of the answers, for tasks with a value head; nil for others.
  /// - Parameters:
  ///   - answers: in the order in which they were drawn.
  ///   - divergenceWeight: the weight of the distance to the reference.
  func estimates(of answers: [ValuedAnswer], divergenceWeight: Double) -> [TokenEstimates]?
  /// Whether a value head tells what answers will earn.
  var usesValues: Bool { get }
  /// The weight of the distance to the reference in what a token earns; nil where it has none there.
  var divergenceControl: DivergenceControl? { get }
  /// Whether advantages follow from a divergence, too.
  var usesDivergence: Bool { get }
  /// What the losses of an answer are divided by; 0 for the tokens of all answers of the step.
  /// - Parameters:
  ///   - own: its tokens.
  ///   - answers: of the step.
  func divisor(ofTokens own: Int, answers: Int) -> Double
  /// What answers count that other weights have drawn; nil where it is what they are.
  var correction: SamplingCorrection? { get }
  /// Whether answers with such an advantage carry a loss.
  func learns(advantage: Double) -> Bool
}

extension PolicyTask {
  package static var unit: LossUnit { .targetTokens }
  package static var predicts: Bool { false }
  /// Each step has answers of its own.
  package static var keepsTokens: Bool { false }
  package var usesDivergence: Bool { false }
  package var correction: SamplingCorrection? { nil }
  package var usesValues: Bool { false }
  package var divergenceControl: DivergenceControl? { nil }
  package func estimates(of answers: [ValuedAnswer], divergenceWeight: Double) -> [TokenEstimates]? { nil }
  package func learns(advantage: Double) -> Bool { true }
  package var head: Head { .languageModel }
  package var dropsOut: Bool { false }
  package var reference: ReferenceUse { form.beta > 0 ? .askedOfAnswers : .none }
  package func prepare(_ data: inout DataOptions) { data.packing = false }

  package func samples(ofBatch size: Int) -> Int { max(1, size / rollouts.generations) }
  package var stepsPerSample: Int { rollouts.iterations }

  package func obstacle(batchSize: Int) -> String? {
    batchSize % rollouts.generations == 0
      ? nil : "a step has answers to whole prompts, \(rollouts.generations) to each (task.num_generations)"
  }

  package func check(_ model: ModelDescription) throws {
    guard rollouts.temperature == 1 || model.family.logitCap == nil else {
      throw UserError(
        .usage, "is \(rollouts.temperature), and the model caps its logits", at: "task.temperature",
        hint: "set task.temperature=1")
    }
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    _ = head.record(
      hidden, of: model.family, on: graph, loss: form.loss(at: rollouts.temperature),
      hasValues: model.hasValues)
  }

  package var counts: Int { usesValues ? PolicySums.countWithValues : PolicySums.count }

  package func scalars(ofStep sums: LossSums) -> [Scalar] {
    let tokens = sums.counts[PolicySums.tokens]
    guard tokens > 0 else { return [] }
    return (form.beta > 0 ? [Scalar("kl", sums.counts[PolicySums.distance] / tokens)] : []) + [
      Scalar("entropy", sums.counts[PolicySums.surprise] / tokens),
      Scalar("clip_ratio", sums.counts[PolicySums.clipped] / tokens),
    ]
      + (usesValues
        ? [
          Scalar("value_loss", sums.counts[PolicySums.valueLoss] / tokens),
          Scalar("value_clip_ratio", sums.counts[PolicySums.valuesClipped] / tokens),
        ] : [])
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] { [] }

  /// The log-probabilities of targets.
  package var mistakeOutputs: OutputForm { .perToken }
}

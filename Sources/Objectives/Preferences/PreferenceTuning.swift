// Preference tuning: a language model learns which of two answers is better, or which answers are wanted. Losses, defaults
// and names are those of TRL 1 (DPOTrainer, KTOTrainer, ORPOTrainer, CPOTrainer).
import Base
import Datasets
import Graph
import Kernels
import Models

package struct PreferenceTuning: Objective {
  package static let name = "preference"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .preference
  package static let predicts = false
  private let own: PreferenceSettings
  /// Tokens of a sequence; nil for as many as the longest of the data.
  private var longest: Int?

  package init(_ settings: Section) { own = PreferenceSettings(settings) }
  package init?(evaluating model: ModelDescription) { nil }

  package var settings: JSON? {
    .object([JSON.Member(key: Array("name".utf8), value: .string(Self.name))] + (own.json.members ?? []))
  }

  package var head: Head { .languageModel }
  package var dropsOut: Bool { !own.disablesDropout }
  package var reference: ReferenceUse { own.reference }
  package var referenceModel: String? { own.referenceModel }

  package func prepare(_ data: inout DataOptions) {
    data.wishes.answers = own.isOfPairs ? .pairs : .labelled
    data.wishes.learnsPrompts = own.pairs?.learnsPrompts == true && own.sftWeight > 0
  }

  package func settled(by data: DataOptions) throws -> Self {
    var settled = self
    settled.longest = data.tokensOfSequence
    return settled
  }

  package var comparesSamples: Bool { !own.isOfPairs }

  package func obstacle(batchSize: Int) -> String? {
    !own.isOfPairs && batchSize < 2 ? "loss kto compares prompts with the answers of others in a step" : nil
  }

  package func stepNumber(
    of microBatches: [MicroBatch], in sequences: TokenSequences, units: Int
  ) -> StepNumber {
    let rows = microBatches.flatMap(\.sequences)
    guard own.isOfPairs else {
      return .divergence(
        ofAnswers: sequences.mismatched(
          rows, longest: longest ?? sequences.longestRow - sequences.virtual.rows))
    }
    guard own.sftWeight > 0 else { return .none }
    let tokens = rows.reduce(0) { sum, row in
      sum + (sequences.answer(of: row).isWanted ? sequences.targets(of: row) : 0)
    }
    return .value(tokens > 0 ? Float(Double(units) / Double(tokens)) : 0)
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    _ = head.record(hidden, of: model.family, on: graph, loss: own.sequenceLoss)
  }

  package var counts: Int { PreferenceSums.count }
  package func scalars(ofStep sums: LossSums) -> [Scalar] {
    PreferenceSums(sums.counts).scalars(isOfPairs: own.isOfPairs, hasReference: own.reference != .none)
  }

  /// The log-probability of each answer.
  package var outputs: OutputForm { .perSequence }
  package func scalars(of evaluated: Evaluated) -> [Scalar] { scalars(ofStep: evaluated.sums) }

  /// What the loss is where the policy is its own reference: ln 2 for DPO.
  package func flaw(ofFirstStep sums: LossSums, precision: Double) -> String? {
    guard own.reference != .none, own.referenceModel == nil, own.disablesDropout, sums.units > 0 else {
      return nil
    }
    let sums = PreferenceSums(sums.counts)
    let (better, worse) = (sums[.better], sums[.worse])
    let expected: Double
    let slope: Double
    switch own.form {
    case .pairs(let loss):
      let value = loss.value(0, 0, own.constants)
      (expected, slope) = (value.loss, value.better)
    case .labelled(let loss):
      let values = [true, false].map { loss.value(0, isWanted: $0, divergence: 0) }
      expected = (better * values[0].loss + worse * values[1].loss) / (better + worse)
      slope = max(abs(values[0].slope), abs(values[1].slope))
    }
    let answers = own.isOfPairs ? better : better + worse
    let found = sums[.loss] / answers
    let tokens = own.takesMeans ? max(sums[.betterTokens] + sums[.worseTokens], 1) / (better + worse) : 1
    let size = abs(sums[.betterLogs] + sums[.worseLogs]) / answers / tokens
    // NaN must not pass.
    if abs(found - expected) <= abs(slope) * precision * size + 1e-6 { return nil }
    return
      "the loss of the first step is \(decimals(found, 6)), and that of a policy which is its own reference "
      + "is \(decimals(expected, 6))"
  }

  /// Pairs whose worse answer has the larger reward, or the tenth of labelled answers with the largest losses.
  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    let sequences = evaluated.sequences
    func reward(_ sequence: Int) -> Double {
      let reference = sequences.numbers(of: sequence).dropFirst(AnswerNumbers.reference).first!
      return own.constants.beta * (evaluated[sequence].first! - Double(reference))
    }
    guard own.isOfPairs else {
      let all = (0..<sequences.count).map { sequence in
        let isWanted = sequences.answer(of: sequence).isWanted
        return Mistake(
          row: evaluated.row(of: sequence), gold: .bool(isWanted), predicted: .null, confidence: nil,
          loss: logistic(isWanted ? -reward(sequence) : reward(sequence)),
          facts: [("reward", .number(Mistake.rounded(reward(sequence))))])
      }
      return all.worstTenth(ofRows: all.count)
    }
    return (0..<sequences.samples).compactMap { sample in
      Mistake.ofPair(
        row: evaluated.row(of: 2 * sample), better: reward(2 * sample), worse: reward(2 * sample + 1))
    }
  }
}

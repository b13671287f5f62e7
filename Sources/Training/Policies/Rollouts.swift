// The answers of a step as sequences to train on.
import Base
import Datasets
import Graph
import Objectives

struct Rollouts {
  /// In the order in which they were drawn: those to one prompt beside each other.
  let answers: [PolicyAnswer]
  /// The step that they were drawn for.
  let step: Int
  /// The answers behind their prompts, those of about one length beside each other.
  let sequences: TokenSequences
  /// Which answer each sequence is.
  private let order: [Int]
  private let promptLengths: [Int]
  private let divisors: [Double]

  /// The answers that a step computes: what carries no gradient is left out. Where none does, the answers to one prompt
  /// stand for all.
  static func learned(of answers: [PolicyAnswer], _ task: any PolicyTask) -> [Int] {
    let carrying = answers.indices.filter {
      answers[$0].targets(task) > 0
        && (answers[$0].advantage != 0 || task.form.beta > 0 || task.usesValues)
    }
    return carrying.isEmpty ? Array(answers.indices.prefix(task.rollouts.generations)) : carrying
  }

  /// - Parameters:
  ///   - learned: which of the answers are computed.
  ///   - prompts: the tokens of each prompt of the data.
  init(
    _ answers: [PolicyAnswer], _ learned: [Int], step: Int, task: any PolicyTask, prompts: (Int) -> [Int32],
    of data: TokenSequences
  ) {
    self.answers = answers
    self.step = step
    let lengths = answers.map { prompts($0.prompt).count + $0.tokens.count }
    // The longest come first, so that ranks end at about the same time.
    let order = learned.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
    var sequences = TokenSequences(files: data.files)
    sequences.virtual = data.virtual
    for answer in order {
      let prompt = prompts(answers[answer].prompt)
      let targets = answers[answer].targets(task)
      sequences.append(
        (prompt + answers[answer].tokens)[...], targets: targets > 0 ? [prompt.count..<lengths[answer]] : [],
        source: data.source(of: answers[answer].prompt))
    }
    self.sequences = sequences
    self.order = order
    promptLengths = order.map { prompts(answers[$0].prompt).count }
    let tokens = answers.reduce(0) { $0 + $1.targets(task) }
    let units = learned.reduce(0) { $0 + answers[$1].targets(task) }
    divisors = order.map { answer in
      let own = task.divisor(ofTokens: answers[answer].targets(task), answers: answers.count)
      // The loss is divided by the tokens of these sequences anyway.
      return (own > 0 ? own : Double(tokens)) / Double(max(units, 1))
    }
  }

  /// The micro-batches of each step that they are used in.
  func microBatches(size: Int) -> [MicroBatch] { MicroBatch.cut(Array(0..<sequences.count), size: size) }

  /// Gives the tokens of a micro-batch what a policy's loss asks of them.
  func fill(_ batch: inout Batch) {
    batch.tokenNumbers.append(
      contentsOf: repeatElement(.nan, count: batch.rows * batch.length * PolicyNumbers.count))
    for (row, sequence) in batch.sequences.enumerated() {
      let answer = answers[order[sequence]]
      for token in answer.tokens.indices {
        // The place before a token predicts it.
        let place = row * batch.length + sequences.virtual.rows + promptLengths[sequence] + token - 1
        let first = place * PolicyNumbers.count
        // The factor stands before the whole loss but for the distance to the reference.
        batch.tokenNumbers[first + PolicyNumbers.advantage] =
          Float(answer.estimates?.advantages[token] ?? answer.advantage) * (answer.corrections?[token] ?? 1)
        if let values = answer.values, let estimates = answer.estimates {
          batch.tokenNumbers[first + PolicyNumbers.earned] = Float(estimates.earned[token])
          batch.tokenNumbers[first + PolicyNumbers.value] = values[token]
        }
        batch.tokenNumbers[first + PolicyNumbers.divisor] = Float(divisors[sequence])
        if let old = answer.old { batch.tokenNumbers[first + PolicyNumbers.old] = old[token] }
        if let reference = answer.reference {
          batch.tokenNumbers[first + PolicyNumbers.reference] = reference[token]
        }
      }
    }
  }

  /// For each answer, the log-probabilities that a measurement of `sequences` left for its tokens.
  func logs(_ evaluated: Evaluated) -> [[Float]] {
    // Answers that carry no loss have none.
    numbers(evaluated, 0) { $0.isNaN ? 0 : Float(-$0) }
  }

  /// The same for what a value head expected of them.
  func values(_ evaluated: Evaluated) -> [[Float]] { numbers(evaluated, 1) { Float($0) } }

  /// One of the numbers that a measurement leaves for each token.
  private func numbers(
    _ evaluated: Evaluated, _ place: Int, _ number: (Double) -> Float
  ) -> [[Float]] {
    var all = answers.map { [Float](repeating: 0, count: $0.tokens.count) }
    for (sequence, answer) in order.enumerated() {
      let found = evaluated[sequence]
      let each = found.count / max(1, sequences.length(of: sequence))
      all[answer] = answers[answer].tokens.indices.map { token in
        number(found[found.startIndex + (promptLengths[sequence] + token - 1) * each + place])
      }
    }
    return all
  }
}

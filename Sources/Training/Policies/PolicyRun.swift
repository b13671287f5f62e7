// What a run does beside its steps where a model learns from rewards: answers, rewards and advantages of each step.
import Base
import Collectives
import Datasets
import Foundation
import Generation
import Models
import Objectives
import Recipes
import Rewards
import Tensors
import Tokenizers

final class PolicyRun {
  private let task: any PolicyTask
  private let recipe: Recipe
  private let replica: Replica
  private let reference: Replica?
  private let ranks: Ranks
  private let tokenizer: Tokenizer
  private let data: TokenSequences
  private let prompts: [PromptRow]
  private let validation: [PromptRow]
  private let rewards: AnswerRewards
  /// The policy in a smaller type, which draws answers; nil where it does so itself.
  private let small: SmallPolicy?
  private var stream: BatchStream
  private let log: RolloutLog
  /// What the current steps are trained on.
  private(set) var current: Rollouts?
  private var scalars: [Scalar] = []
  /// Where a token's reward has the distance to the reference: the weight that it has next, and what is told of it.
  private var divergenceWeight: Double
  private var divergence: [Scalar] = []
  /// What drawing by other weights changed.
  private var sampling: [Scalar] = []

  /// Reads the prompts and makes the rewards ready; nil for other tasks. Collective.
  /// - Parameters:
  ///   - first: the first step, from 1.
  ///   - kept: the answers that a checkpoint has of steps which are not over.
  init?(
    _ recipe: Recipe, _ data: RunData, from first: Int, kept: JSON?, replica: Replica, ranks: Ranks,
    ledger: MemoryLedger, note: @escaping (String) -> Void
  ) throws {
    guard let task = recipe.objective as? any PolicyTask else { return nil }
    self.task = task
    self.recipe = recipe
    self.replica = replica
    self.ranks = ranks
    tokenizer = data.tokenizer
    self.data = data.dataset.train
    stream = data.stream
    let dataset = data.dataset
    (prompts, validation) = try ranks.together {
      let prompts = try dataset.trainRows.promptRows(of: dataset.train)
      let held = try dataset.validation.map { try dataset.validationRows.promptRows(of: $0) } ?? []
      for (rows, sequences) in [(prompts, dataset.train), (held, dataset.validation ?? dataset.train)] {
        for (sequence, row) in rows.enumerated() {
          try replica.description.check(
            prompt: row.tokens, at: sequences.name(of: sequences.source(of: sequence)))
        }
      }
      return (prompts, held)
    }
    reference =
      task.reference == .none
      ? nil : try .reference(recipe, of: replica, checkpoint: nil, ranks: ranks, ledger: ledger)
    rewards = try AnswerRewards(task.rollouts.rewards, ranks: ranks, note: note) { folder in
      try RewardModelScorer(folder, recipe, engine: replica.engine, ranks: ranks)
    }
    small = task.rollouts.storage.flatMap { SmallPolicy(of: replica, in: $0, recipe, ranks: ranks) }
    log = RolloutLog(output: recipe.output)
    divergenceWeight = kept?["kl_coef"]?.double ?? task.divergenceControl?.first ?? 0
    try ranks.together { if ranks.isFirst { try log.begin(from: first) } }
    current = try ranks.together { try kept.flatMap { $0["answers"] == nil ? nil : try rollouts($0) } }
  }

  // MARK: steps

  /// The steps of answers, from 1: those of one follow each other.
  private func isFirst(_ step: Int) -> Bool { (step - 1) % task.rollouts.iterations == 0 }

  /// The micro-batches of a step; where it begins with new answers, all weights must be here. Collective.
  func microBatches(_ number: Int) throws -> [MicroBatch] {
    if isFirst(number) || current == nil { try draw(number) }
    guard let current else { preconditionFailure("answers were drawn") }
    return current.microBatches(size: recipe.training.microBatchSize)
  }

  /// Whether a step begins with new answers.
  func draws(_ number: Int) -> Bool { isFirst(number) || current == nil }

  private func draw(_ number: Int) throws {
    let start = Date()
    let generation = (number - 1) / task.rollouts.iterations
    let asked = stream.sequences(step: generation).flatMap { prompt in
      [Int](repeating: prompt, count: task.rollouts.generations)
    }
    try small?.refresh()
    var answers = try drawn(
      asked, by: small?.replica ?? replica, rows: { self.prompts[$0] }, first: generation * asked.count,
      Sampling(
        temperature: task.rollouts.temperature, topK: task.rollouts.topK, topP: task.rollouts.topP,
        seed: Self.seed(recipe.training.seed)))
    let drawn = Date()
    let earned = try rewards(answers.map { rewarded($0, prompts[$0.prompt]) })
    for answer in answers.indices {
      answers[answer].rewards = earned[answer]
      answers[answer].reward = zip(earned[answer], rewards.recipes).reduce(0) { $0 + $1.0 * $1.1.weight }
    }
    try learn(&answers, step: number)
    current = rollouts(answers, step: number)
    scalars = told(answers, drawing: drawn.timeIntervalSince(start), all: Date().timeIntervalSince(start))
    try ranks.together {
      guard ranks.isFirst else { return }
      try log.append(
        answers.map { answer in
          let row = prompts[answer.prompt]
          return log.line(
            answer, step: number, prompt: row.prompt, text: text(answer, row), reference: row.reference,
            rewards: rewards.recipes.map(\.name))
        })
    }
  }

  /// Draws of answers differ from those of the data and of dropout.
  private static func seed(_ seed: UInt64) -> UInt64 {
    var mixed = FNV1a()
    for word in [seed, 0x726F_6C6C] { mixed.mix(word) }
    return mixed.value
  }

  /// Computes what the loss needs to know of answers: log-probabilities and advantages. Collective.
  private func learn(_ answers: inout [PolicyAnswer], step: Int) throws {
    let isReused = task.rollouts.iterations > 1 || task.usesValues
    let correction = small == nil ? nil : task.correction
    var (old, other, values): ([[Float]]?, [[Float]]?, [[Float]]?) = (nil, nil, nil)
    if isReused || reference != nil || correction != nil {
      let bare = rollouts(answers, Array(answers.indices), step: step)
      func measured(_ model: Replica) throws -> Evaluated {
        try measure(
          bare.sequences, rows: nil, replica: model, ranks: ranks,
          microBatchSize: recipe.training.microBatchSize, mask: .document, form: .perToken)
      }
      if isReused || task.usesDivergence || correction != nil {
        let found = try measured(replica)
        old = bare.logs(found)
        if task.usesValues { values = bare.values(found) }
      }
      other = try reference.map { bare.logs(try measured($0)) }
      if let correction, let small, let old {
        correct(&answers, by: correction, policy: old, sampled: bare.logs(try measured(small.replica)))
      }
    }
    var divergence: [Double]?
    if task.usesDivergence, let old, let other {
      divergence = answers.indices.map { answer in
        zip(old[answer], other[answer]).reduce(0) { $0 + Double($1.0) - Double($1.1) }
      }
    }
    let advantages = task.advantages(of: answers.map(\.reward), divergence: divergence)
    for answer in answers.indices {
      answers[answer].advantage = advantages[answer]
      if isReused { answers[answer].old = old?[answer] }
      answers[answer].reference = other?[answer]
      answers[answer].values = values?[answer]
    }
    estimate(&answers)
  }

  /// Answers that other weights have drawn count what the policy makes of them.
  private func correct(
    _ answers: inout [PolicyAnswer], by correction: SamplingCorrection, policy: [[Float]], sampled: [[Float]]
  ) {
    let factors = zip(policy, sampled).map { correction.factors(policy: $0, sampled: $1) }
    for answer in answers.indices { answers[answer].corrections = factors[answer] }
    sampling = SamplingCorrection.scalars(policy: policy, sampled: sampled, factors: factors)
  }

  /// What follows from each token, where a value head expects something; the weight of the distance to the reference
  /// then moves on.
  private func estimate(_ answers: inout [PolicyAnswer]) {
    let valued = answers.compactMap { answer -> ValuedAnswer? in
      guard let old = answer.old, let values = answer.values else { return nil }
      return ValuedAnswer(
        reward: answer.reward, isWhole: answer.isWhole, old: old, reference: answer.reference, values: values)
    }
    guard valued.count == answers.count,
      let estimates = task.estimates(of: valued, divergenceWeight: divergenceWeight)
    else { return }
    for answer in answers.indices { answers[answer].estimates = estimates[answer] }
    guard let control = task.divergenceControl, reference != nil else { return }
    let distances = valued.map { answer in
      zip(answer.old, answer.reference ?? answer.old).reduce(0) { $0 + Double($1.0) - Double($1.1) }
    }
    let tokens = valued.reduce(0) { $0 + $1.old.count }
    divergence = [
      Scalar("kl", distances.reduce(0, +) / Double(max(1, tokens))), Scalar("kl_coef", divergenceWeight),
    ]
    divergenceWeight = control.next(
      divergenceWeight, distance: GroupStatistics.mean(distances), answers: answers.count)
  }

  private func rollouts(_ answers: [PolicyAnswer], _ learned: [Int]? = nil, step: Int) -> Rollouts {
    Rollouts(
      answers, learned ?? Rollouts.learned(of: answers, task), step: step, task: task,
      prompts: { self.prompts[$0].tokens }, of: data)
  }

  // MARK: answers

  /// The answers to some prompts, known to all ranks. Collective.
  /// - Parameters:
  ///   - model: what draws them.
  ///   - first: the key of the first draw.
  private func drawn(
    _ asked: [Int], by model: Replica, rows: (Int) -> PromptRow, first: Int, _ sampling: Sampling
  ) throws -> [PolicyAnswer] {
    ranks.board?.tell(.validation)
    var answers = Answers(of: model, ranks: ranks, longest: task.rollouts.longest)
    answers.sampling = sampling
    answers.batchSize = task.rollouts.batchSize
    let found = try answers.ended(
      to: asked.map { rows($0).tokens }, samples: asked.indices.map { first + $0 })
    return zip(asked, found).map { prompt, answer in
      PolicyAnswer(
        prompt: prompt, tokens: answer.tokens + (answer.end.map { [$0] } ?? []), isWhole: answer.end != nil)
    }
  }

  private func text(_ answer: PolicyAnswer, _ row: PromptRow) -> [UInt8] {
    let tokens = answer.isWhole ? answer.tokens.dropLast() : answer.tokens[...]
    return Array(tokenizer.text(of: Array(tokens), after: row.tokens).utf8)
  }

  private func rewarded(_ answer: PolicyAnswer, _ row: PromptRow) -> RewardedAnswer {
    RewardedAnswer(
      prompt: row.prompt, completion: text(answer, row), tokens: answer.tokens.count,
      longest: task.rollouts.longest, reference: row.reference, row: row.columns)
  }

  // MARK: numbers

  private func told(_ answers: [PolicyAnswer], drawing: Double, all seconds: Double) -> [Scalar] {
    let groups = GroupStatistics(answers.map(\.reward), size: task.rollouts.generations)
    let tokens = answers.reduce(0) { $0 + $1.tokens.count }
    var scalars = [
      Scalar("reward", GroupStatistics.mean(answers.map(\.reward))),
      Scalar(
        "reward_std",
        task.rollouts.generations > 1
          ? GroupStatistics.mean(groups.deviations) : GroupStatistics.deviation(answers.map(\.reward))),
      Scalar("frac_reward_zero_std", GroupStatistics.mean(groups.deviations.map { $0 == 0 ? 1 : 0 })),
    ]
    if rewards.recipes.count > 1 {
      for (number, recipe) in rewards.recipes.enumerated() {
        scalars.append(
          Scalar("rewards/\(recipe.name)", GroupStatistics.mean(answers.map { $0.rewards[number] })))
      }
    }
    return scalars + divergence + sampling + [
      Scalar("completion_length", Double(tokens) / Double(max(1, answers.count))),
      Scalar("cut_share", GroupStatistics.mean(answers.map { $0.isWhole ? 0 : 1 })),
      Scalar("rollout_seconds", (seconds * 1e6).rounded() / 1e6),
      Scalar("rollout_tokens_per_second", (Double(tokens) / max(drawing, 1e-9) * 10).rounded() / 10),
    ]
  }

  /// What a step's answers earned; nothing for a further step on the same answers.
  func scalars(of number: Int) -> [Scalar] { isFirst(number) ? scalars : [] }

  /// What the likeliest answers to the prompts of the validation earn. Collective.
  func validate() throws -> [Scalar] {
    guard !validation.isEmpty else { return [] }
    let answers = try drawn(
      Array(validation.indices), by: replica, rows: { self.validation[$0] }, first: 0, Sampling())
    let earned = try rewards(answers.map { rewarded($0, validation[$0.prompt]) })
    let totals = earned.map { zip($0, rewards.recipes).reduce(0) { $0 + $1.0 * $1.1.weight } }
    return [Scalar("reward", GroupStatistics.mean(totals))]
  }

  // MARK: checkpoints

  /// What steps behind this one go on with: the answers, where the next one does not begin with new ones, and a weight
  /// that moves; nil for nothing.
  func kept(after step: Int) -> JSON? {
    var members: [(String, JSON)] = []
    if let current, !isFirst(step + 1) {
      members += [("step", .integer(current.step)), ("answers", .array(current.answers.map(\.json)))]
    }
    if task.divergenceControl?.goal != nil { members.append(("kl_coef", .number(divergenceWeight))) }
    return members.isEmpty ? nil : .object(members: members)
  }

  private func rollouts(_ json: JSON) throws -> Rollouts {
    let answers = json["answers"]?.elements?.map { PolicyAnswer($0) } ?? []
    guard let step = json["step"]?.integer, !answers.isEmpty, answers.allSatisfy({ $0 != nil }) else {
      throw UserError(.data, "has rollouts that no run leaves", at: "training_state.json")
    }
    let known = answers.compactMap { $0 }
    guard known.allSatisfy({ prompts.indices.contains($0.prompt) && !$0.tokens.isEmpty }) else {
      throw UserError(.data, "has rollouts of other prompts", at: "training_state.json")
    }
    for answer in known { try replica.description.check(answer.tokens) }
    return rollouts(known, step: step)
  }
}

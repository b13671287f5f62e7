// What a policy is compared with: what a reference gives to the same answers, known before the first step or asked in each.
import Base
import Collectives
import Datasets
import Kernels
import Objectives
import Recipes
import Tensors

package final class Reference {
  /// The model that is asked in each step; nil where all it says is known.
  private let replica: Replica?
  /// For steps that tell the divergence of their answers, what it gives to them; 0 is the place of a measurement.
  private var means: [Int: Double] = [:]
  /// How its weights move to those of the policy; nil where they stay.
  private let following: (share: Double, steps: Int)?

  private let mask: PackingMask
  private let ranks: Ranks

  /// - Parameter replica: nil where all it says will be known.
  init(_ replica: Replica?, for objective: any Objective, mask: PackingMask, ranks: Ranks) {
    self.replica = replica
    self.mask = mask
    self.ranks = ranks
    following =
      if case .following(let share, let steps) = objective.reference { (share, steps) } else { nil }
  }

  /// Gives a micro-batch what the model says of its answers, where it is asked in each step.
  func fill(_ batch: inout Batch) {
    guard let replica else { return }
    _ = replica.loss(batch)
    batch.setAnswers(AnswerNumbers.reference) { Float(replica.outputs[$0]) }
  }

  /// The mean log-probability that it gives to the answers of a step. Collective.
  func mean(ofStep step: Int, _ answers: TokenSequences, _ microBatches: [MicroBatch]) -> Double {
    replica.map { $0.meanLogProbability(of: answers, microBatches, mask: mask, ranks) } ?? means[step] ?? 0
  }

  // MARK: a run

  /// What the answers of a run are compared with; nil where nothing is. Collective.
  /// - Parameters:
  ///   - data: gets what is known before the first step.
  ///   - first: that step, from 1.
  ///   - checkpoint: the folder that the run goes on from.
  ///   - refill: gives the policy the weights of a checkpoint, or with nil those that the run began with.
  convenience init?(
    _ recipe: Recipe, _ data: inout RunData, from first: Int, policy: Replica, checkpoint: String?,
    ranks: Ranks, ledger: MemoryLedger, refill: (String?) throws -> Void, tell: (String) throws -> Void
  ) throws {
    let objective = recipe.objective
    let isMoving = if case .following = objective.reference { true } else { false }
    switch objective.reference {
    case .none, .askedOfAnswers: return nil
    case .asked, .following:
      self.init(
        try .reference(
          recipe, of: policy, checkpoint: isMoving ? checkpoint : nil, ranks: ranks, ledger: ledger),
        for: objective, mask: recipe.data.packingMask, ranks: ranks)
    case .precomputed:
      self.init(nil, for: objective, mask: recipe.data.packingMask, ranks: ranks)
      let start = monotonicNanoseconds()
      let answers = data.dataset.train.count + (data.dataset.validation?.count ?? 0)
      try tell("computing what the reference gives to \(counted(answers, "answer"))")
      let isOwn = objective.referenceModel == nil
      let model =
        isOwn ? policy : try .reference(recipe, of: policy, checkpoint: nil, ranks: ranks, ledger: ledger)
      if isOwn, checkpoint != nil { try refill(nil) }
      precompute(&data, from: first, by: model, microBatchSize: recipe.training.microBatchSize)
      if isOwn, let checkpoint { try refill(checkpoint) }
      try tell("computed in \(decimals(Double(monotonicNanoseconds() - start) / 1e9, 1)) s")
    }
  }

  // MARK: a model that is asked before the first step

  /// Computes what a model gives to the answers of a run. Collective.
  /// - Parameters:
  ///   - data: gets it.
  ///   - first: the first step, from 1.
  private func precompute(_ data: inout RunData, from first: Int, by model: Replica, microBatchSize: Int) {
    precondition(replica == nil, "the model is asked in each step")
    let train = data.dataset.train
    data.dataset.setReference(
      ofTrain: model.logProbabilities(
        of: train, needed: data.sequences(from: first), groupSize: microBatchSize, mask: mask, ranks))
    if let validation = data.dataset.validation {
      let all = Set(0..<validation.count)
      data.dataset.setReference(
        ofValidation: model.logProbabilities(
          of: validation, needed: all, groupSize: microBatchSize, mask: mask, ranks))
      let cut = MicroBatch.cut(
        Array(0..<validation.count), size: microBatchSize * validation.rowsPerSample)
      know(0, cut, of: validation, by: model)
    }
    var stream = data.stream
    for step in stride(from: first, through: data.steps, by: 1) {
      guard know(step, stream.microBatches(step: step - 1), of: train, by: model) else { return }
    }
  }

  /// - Returns: whether the step tells a divergence.
  @discardableResult
  private func know(
    _ step: Int, _ microBatches: [MicroBatch], of sequences: TokenSequences, by model: Replica
  ) -> Bool {
    guard
      case .divergence(let answers) = model.objective.stepNumber(of: microBatches, in: sequences, units: 1)
    else { return false }
    means[step] = model.meanLogProbability(
      of: answers, MicroBatch.places(of: microBatches), mask: mask, ranks)
    return true
  }

  // MARK: a model that moves

  /// Whether it moves behind a step.
  func moves(after step: Int) -> Bool { following.map { step % $0.steps == 0 } ?? false }

  /// Moves to the policy, all of whose weights must be here. Collective.
  func follow(_ policy: WeightLine) {
    guard let following, let replica else { return }
    // Ranks share the line, and others may still compute with it.
    ranks.barrier()
    replica.weights.blend(replica.weights.loaded, with: policy, share: Float(following.share))
    ranks.barrier()
    replica.weights.refreshVectors()
  }

  /// The weights that move; nil where none do.
  var moving: Replica? { following == nil ? nil : replica }
}

extension MicroBatch {
  /// The same cut of rows that are numbered in the order of the step.
  static func places(of microBatches: [MicroBatch]) -> [MicroBatch] {
    microBatches.map {
      MicroBatch(
        sequences: Array($0.firstSample..<$0.firstSample + $0.sequences.count), firstSample: $0.firstSample)
    }
  }
}

extension Replica {
  /// The log-probability of the answer of each sequence that is needed, known to all ranks. Samples of about one length lie in
  /// one group, which is one forward pass; groups are those of the whole data set, so that results depend neither on the
  /// number of ranks nor on what is needed. Collective.
  fileprivate func logProbabilities(
    of sequences: TokenSequences, needed: Set<Int>, groupSize: Int, mask: PackingMask, _ ranks: Ranks
  ) -> [Float] {
    let lengths = (0..<sequences.samples).map { sequences.length(ofSample: $0) }
    let order = lengths.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    let all = stride(from: 0, to: order.count, by: groupSize).map { first -> [Int] in
      let samples = order[first..<min(first + groupSize, order.count)]
      return samples.flatMap { sequences.rowsPerSample * $0..<sequences.rowsPerSample * ($0 + 1) }
    }
    let groups = all.filter { $0.contains(where: needed.contains) }
    let microBatches = groups.map { MicroBatch(sequences: $0, firstSample: 0) }
    let answered = answers(of: sequences, microBatches, mask: mask, ranks)
    var values = [Float](repeating: 0, count: sequences.count)
    for (sequence, value) in zip(groups.joined(), answered) { values[sequence] = Float(value) }
    return values
  }

  /// The mean over some sequences. Collective.
  func meanLogProbability(
    of sequences: TokenSequences, _ microBatches: [MicroBatch], mask: PackingMask, _ ranks: Ranks
  ) -> Double {
    let all = answers(of: sequences, microBatches, mask: mask, ranks)
    return all.reduce(0, +) / Double(max(all.count, 1))
  }

  /// The log-probabilities of answers, in the order of the micro-batches.
  private func answers(
    of sequences: TokenSequences, _ microBatches: [MicroBatch], mask: PackingMask, _ ranks: Ranks
  ) -> [Double] {
    var own: [Double] = []
    var batch = Batch()
    for index in stride(from: ranks.rank, to: microBatches.count, by: ranks.count) {
      ranks.board?.tell(.forward, layer: nil)
      objective.fill(&batch, with: microBatches[index], of: sequences, mask: mask)
      _ = loss(batch)
      own += outputs
    }
    return gathered(own, of: sequences, microBatches, .perSequence, ranks)
  }
}

/// The number that the samples of some micro-batches tell together; nil if they tell none. Collective.
/// - Parameters:
///   - step: 0 for a measurement.
///   - before: called before the model computes.
func numberOfStep(
  _ step: Int, _ microBatches: [MicroBatch], of sequences: TokenSequences, units: Int, replica: Replica,
  reference: Reference?, mask: PackingMask, _ ranks: Ranks, before: () -> Void = {}
) -> Float? {
  switch replica.objective.stepNumber(of: microBatches, in: sequences, units: units) {
  case .none: return nil
  case .value(let value): return value
  case .divergence(let answers):
    guard let reference else { return 0 }
    before()
    let places = MicroBatch.places(of: microBatches)
    let divergence =
      replica.meanLogProbability(of: answers, places, mask: mask, ranks)
      - reference.mean(ofStep: step, answers, places)
    // NaN stays one.
    return divergence < 0 ? 0 : Float(divergence)
  }
}

// One optimizer step, from micro-batches to weights.
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Graph
import Objectives
import Optimizers
import Recipes
import Sharding
import Tensors
import Tokenizers

package final class TrainStep {
  let replica: Replica
  let gradients: GradientSum
  let optimizer: ShardedOptimizer
  let exchange: WeightExchange
  /// Whether the weights are those that are measured and kept, where these are others than the trained ones.
  var showsEvaluated = false
  let schedule: Schedule
  /// What lowers the rates of the schedule where the loss does not fall; nil for nothing.
  var plateau: Plateau?
  let ranks: Ranks
  /// What a reference says of answers may come after the step is made.
  var sequences: TokenSequences
  let mask: PackingMask
  let seed: UInt64
  /// The largest norm of the gradient; 0 for none.
  let gradientClip: Double
  package private(set) var watch: NumberWatch
  /// The memory that one step leaves to the next, so that steps do not allocate memory that grows with the model or
  /// the data.
  var batch = Batch()
  var sums: MicroBatchSums
  /// The sources of a mixture, and the sums of the last micro-batch: the objective's counts, and a loss for each source.
  let sources: SourceLosses?
  var counts: [Double] = []
  /// What the frozen trunk gives for all samples, where only a head is computed in a step.
  var features: FeatureStore?
  /// Of the step, where the loss is of all its samples together.
  var joint: JointGradients?
  /// What the step is trained on where a policy learns from its own answers.
  var rollouts: Rollouts?
  /// What is trained in one pass, where there are several: tasks over one trunk, or adapters on one base.
  let parts: (any RunParts)?
  /// Where ranks compute sequences together, this rank's part of them.
  let context: ContextRun?
  /// Parts of the sum of gradients that a micro-batch has.
  var chunks: Int { context?.chunks ?? 1 }
  /// What answers are compared with, and the number that those of the step tell together.
  var reference: Reference?
  var number: Float?
  private let decode: @Sendable (ArraySlice<Int32>) -> String
  private let audit: Audit
  /// What holds weights near those that the run begins with.
  var anchor: WeightAnchor?
  /// Whether the next report tells how the gradient is distributed; the same on all ranks.
  var countsGradient = false
  /// What the method adds to the loss of each step.
  private let penalty: (any WeightPenalty)?
  /// When messages were last looked after, in nanoseconds.
  var lookedAfter: UInt64 = 0
  /// Looks after messages while a long operation computes; nil if nothing travels between hosts.
  var betweenTiles: (() -> Void)?

  /// Collective.
  package init(
    replica: Replica, gradients: GradientSum, optimizer: ShardedOptimizer, schedule: Schedule, ranks: Ranks,
    sequences: TokenSequences, mask: PackingMask, seed: UInt64, gradientClip: Double,
    watch: NumberWatch = NumberWatch(), auditShare: Double = 0, penalty: (any WeightPenalty)? = nil,
    sources: SourceLosses? = nil, parts: (any RunParts)? = nil, context: ContextRun? = nil,
    decode: @escaping @Sendable (ArraySlice<Int32>) -> String = { _ in "" }
  ) {
    precondition(
      replica.holds >= GradientSum.holds(ranks: ranks.count), "others would read gradients that are gone")
    self.replica = replica
    self.gradients = gradients
    self.optimizer = optimizer
    self.schedule = schedule
    self.ranks = ranks
    self.sequences = sequences
    self.mask = mask
    self.seed = seed
    self.gradientClip = gradientClip
    self.penalty = penalty
    self.watch = watch
    self.sources = sources
    self.parts = parts
    self.context = context
    replica.keepsTokenLosses =
      parts?.readsTokenLosses ?? (sources != nil && replica.objective.mistakeOutputs == .perToken)
    sums = MicroBatchSums(
      counts: Self.counts(of: replica, parts) + (replica.keepsTokenLosses ? sources?.names.count ?? 0 : 0),
      ranks: ranks)
    audit = Audit(share: auditShare, seed: seed, layout: replica.layout, ranks: ranks)
    self.decode = decode
    exchange = WeightExchange(map: optimizer.map, weights: replica.weights, ranks: ranks)
    if ranks.hosts > 1 { betweenTiles = { [unowned self] in lookAfterMessages() } }
  }

  /// The step of a run.
  convenience init(
    _ recipe: Recipe, _ data: RunData, _ replica: Replica, optimizer: ShardedOptimizer, ranks: Ranks,
    ledger: MemoryLedger, parts: (any RunParts)? = nil, context: ContextRun? = nil
  ) {
    self.init(
      replica: replica,
      gradients: GradientSum(
        map: optimizer.map, ranks: ranks, engine: replica.engine,
        room: parts?.gradientRoom ?? replica.gradientRoom,
        exact: recipe.training.exact, wire: recipe.parallel.wireType, ledger: ledger),
      optimizer: optimizer,
      schedule: Schedule(
        shape: recipe.schedule.shape, peak: recipe.optimizer.learningRate,
        warmupSteps: recipe.schedule.warmupSteps, finalRatio: recipe.schedule.finalRatio, steps: data.steps,
        details: recipe.schedule.details),
      ranks: ranks, sequences: data.dataset.train, mask: recipe.data.packingMask,
      seed: recipe.training.seed, gradientClip: recipe.optimizer.gradientClip,
      watch: NumberWatch(action: recipe.training.onSpike, factor: recipe.training.spikeFactor),
      auditShare: recipe.training.audit, penalty: recipe.penalty(replica.layout, ledger: ledger),
      sources: parts == nil ? SourceLosses(recipe.data.sources) : nil, parts: parts, context: context,
      decode: { [tokenizer = data.tokenizer] in tokenizer.decode($0, skipSpecialTokens: true) })
    if recipe.schedule.shape == .plateau {
      plateau = Plateau(recipe.schedule.details.plateau, peak: recipe.optimizer.learningRate)
    }
  }

  /// Runs step `step`, the first being number 1.
  /// - Throws: if an audit finds that a rank computed wrongly; nothing of the step is then applied.
  package func run(_ step: Int, _ microBatches: [MicroBatch]) throws -> StepReport {
    let start = Date()
    ranks.board?.tell(step: step)
    replica.operations = 0
    // The denominator: every rank counts the losses of the whole step before the first backward pass.
    let tokens = parts?.tokenCount(of: microBatches) ?? sequences.tokenCount(of: microBatches)
    let draw = BatchDraw(seed: seed, step: step)
    let units =
      parts?.begin(microBatches, draw) ?? replica.objective.units(of: microBatches, in: sequences, draw)
    bringRows(microBatches, draw)
    features?.fetch(microBatches)
    number = numberOfStep(
      step, microBatches, of: sequences, units: units, replica: replica, reference: reference, mask: mask,
      ranks, before: { exchange.finish() })
    if type(of: replica.objective).isJoint {
      exchange.finish()
      joint = JointGradients(
        microBatches, of: sequences, replica: replica, ranks: ranks, mask: mask, units: units, draw,
        before: { ranks.board?.tell(.forward, layer: nil) })
    }
    sumGradients(step, microBatches, dividedBy: units)
    let audits = try auditGradients(step, microBatches, dividedBy: units)
    ranks.board?.tell(.update)
    let penalty = units > 0 ? addPenalty() : 0
    let kept = units > 0 ? pullBack() : []
    let norm = replica.engine.time("norm") {
      parts?.measure(gradients)
      return gradients.squaredNorm().squareRoot()
    }
    let histograms = countsGradient ? gradients.histograms() : []
    let rates = parts?.rates(step: step - 1)
    let learningRate = schedule.learningRate(step: step - 1) * (plateau?.factor ?? 1)
    sums.gather(microBatches: microBatches.count * chunks)
    var total = sums.total(microBatches: microBatches.count * chunks, units: units)
    let ofSources = Array(total.counts[Self.counts(of: replica, parts)...])[...]
    total.counts.removeLast(ofSources.count)
    if let parts { total.loss = parts.loss(of: total) * Double(units) }
    // Skipped steps do not count, as if torch's optimizer.step() had not been called.
    let update = step - watch.history.skipped
    let finding = look(at: total, norm: norm, microBatches)
    if units > 0, finding?.isWithheld != true {
      updateWeights(update, norm: norm, learningRate: learningRate, rates: rates)
    }
    return StepReport(
      step: step, loss: total.meanLoss.map { $0 + penalty },
      scalars: (parts?.scalars(ofStep: total) ?? replica.objective.scalars(ofStep: total)) + kept
        + divergence(total),
      gradientNorm: norm, learningRate: learningRate, tokens: tokens,
      units: parts?.samples(of: microBatches) ?? units,
      seconds: Date().timeIntervalSince(start), exchangeSeconds: gradients.seconds + exchange.takeSeconds(),
      audits: audits, finding: finding,
      flaw: step == 1 ? replica.objective.flaw(ofFirstStep: total, precision: replica.precision) : nil,
      sources: sources?.reports(
        ofSources.isEmpty ? nil : ofSources, of: microBatches.lazy.flatMap(\.sequences), in: sequences) ?? [],
      operations: replica.operations, histograms: histograms)
  }

  /// Whether every rank knows what the others look up first.
  private var looksAhead: Bool {
    parts == nil && rollouts == nil && context == nil && !type(of: replica.objective).isJoint
  }

  /// Brings the rows that first micro-batches look up, ahead of the tables that they are of.
  private func bringRows(_ microBatches: [MicroBatch], _ draw: BatchDraw) {
    guard exchange.waitsForRows, looksAhead else { return }
    for rank in 0..<min(ranks.count, microBatches.count) where exchange.concerns(rank) {
      replica.objective.fill(&batch, with: microBatches[rank], of: sequences, mask: mask, draw)
      exchange.add(batch.tokens, of: rank)
      if let source = batch.source { exchange.add(source.tokens, of: rank) }
    }
    exchange.bringRows()
  }

  /// Computes this rank's micro-batches; owners of slices add the gradients of all ranks. When it returns, no rank
  /// reads this rank's gradients any more, so that their memory can be used again.
  private func sumGradients(_ step: Int, _ microBatches: [MicroBatch], dividedBy units: Int) {
    sums.begin()
    audit.begin(step: step)
    // A rank without a micro-batch waits for others, which must not wait for its weights meanwhile.
    if ranks.rank >= microBatches.count * chunks { exchange.finish() }
    gradients.sum(microBatches: microBatches.count * chunks) { number in
      if let context { return computeChunk(number, context, microBatches, dividedBy: units, step: step) }
      let isAudited = audit.isChosen(number)
      let loss = compute(microBatches[number], dividedBy: units, step: step) { segment, values in
        if isAudited { replica.engine.time("audit") { audit.take(segment: segment, values) } }
        replica.engine.time("exchange") { gradients.add(segment: segment, values) }
      }
      if isAudited { audit.take(loss: loss) }
      sums.append(
        loss: loss,
        counts: parts?.counts(
          of: microBatches[number], in: batch, loss: loss, BatchDraw(seed: seed, step: step))
          ?? countsOfMicroBatch())
    }
  }

  /// Computes some of the neighbours' micro-batches again, and compares.
  /// - Returns: how many were audited.
  private func auditGradients(
    _ step: Int, _ microBatches: [MicroBatch], dividedBy units: Int
  ) throws -> Int {
    try audit.compare(microBatches: microBatches.count) { number in
      let loss = compute(microBatches[number], dividedBy: units, step: step) { segment, values in
        replica.engine.time("audit") { audit.take(segment: segment, values) }
      }
      audit.take(loss: loss)
    }
  }

  /// Adds the gradient of what does not depend on micro-batches.
  /// - Returns: its part of the loss.
  private func addPenalty() -> Double {
    guard let penalty else { return 0 }
    let (weights, engine) = (replica.weights, replica.engine)
    return engine.time("penalty") {
      let value = penalty.take(weights, engine)
      gradients.add { penalty.gradient(of: $0, weights, engine) }
      return value
    }
  }

  /// The sums that a micro-batch leaves beside its loss: those of soft targets stand alone.
  private static func counts(of replica: Replica, _ parts: (any RunParts)?) -> Int {
    parts?.counts ?? (replica.teacher == nil ? replica.objective.counts : SoftSums.count)
  }

  private func divergence(_ total: LossSums) -> [Scalar] {
    guard let teacher = replica.teacher, total.units > 0 else { return [] }
    func mean(_ sum: Int) -> Double { total.counts[sum] / Double(total.units) }
    switch teacher.shape.role {
    case .penalty: return [Scalar("kl_to_base", mean(SoftSums.divergence))]
    case .loss:
      return [
        Scalar("hard_loss", mean(SoftSums.crossEntropy)), Scalar("soft_loss", mean(SoftSums.divergence)),
      ]
    }
  }

  /// Adds the gradient of what holds weights near those that the run begins with.
  private func pullBack() -> [Scalar] {
    guard let anchor else { return [] }
    let penalties = replica.engine.time("anchor") {
      anchor.pull(gradients) { bucket, slice in
        let held = optimizer.masters.map { $0.base + optimizer.map.place(ofBucket: bucket) }
        return UnsafePointer(held ?? replica.weights.floats + slice.lowerBound)
      }
    }
    return [("ewc", penalties.elastic), ("l2_sp", penalties.distance)].compactMap { name, value in
      value.map { Scalar(name, $0) }
    }
  }

  /// What is wrong with the numbers of a step, and on the first rank, which samples are the cause.
  private func look(at total: LossSums, norm: Double, _ microBatches: [MicroBatch]) -> NumberFinding? {
    guard total.units > 0, var finding = watch.look(loss: total.loss, norm: norm) else { return nil }
    if ranks.isFirst {
      let losses = microBatches.indices.map { place in
        (0..<chunks).reduce(0) { $0 + sums.loss(of: place * chunks + $1) }
      }
      let offending = OffendingSamples(sequences: sequences, replica: replica, mask: mask, decode: decode)
      finding.samples =
        parts?.offenders(microBatches, sums: microBatches.indices.map(sums.sums), decode: decode)
        ?? offending.words(microBatches, losses: losses)
    }
    // No rank may change weights that the first rank still computes with.
    ranks.barrier()
    return finding
  }

  private func updateWeights(_ update: Int, norm: Double, learningRate: Double, rates: [Double]?) {
    if rates != nil { parts?.clip(gradients, to: gradientClip) }
    gradients.completeReplicas()
    replica.engine.time("update") {
      optimizer.step(
        update, weights: replica.weights, gradients: gradients, gradientScale: rates == nil ? clip(norm) : 1,
        gradientNorm: norm, learningRate: learningRate, rates: rates, over: ranks)
    }
    replica.engine.time("gather") { exchange.begin(looksAhead: looksAhead) }
  }

  /// Waits for the weights of other hosts, which come while the next step computes. Call it before weights are read
  /// in any other way.
  package func finish() { exchange.finish() }

  /// Moves a reference that follows the policy. Collective.
  func finishMoving(_ step: Int) {
    guard let reference, reference.moves(after: step) else { return }
    exchange.finish()
    reference.follow(replica.weights)
  }

  /// Resumes from a checkpoint.
  func restore(_ history: NumberHistory) { watch.restore(history) }

  /// The factor of the gradients: min(1, limit / norm), as torch's `clip_grad_norm_`.
  private func clip(_ norm: Double) -> Float {
    gradientClip == 0 ? 1 : Float(min(1, gradientClip / (norm + 1e-6)))
  }
}

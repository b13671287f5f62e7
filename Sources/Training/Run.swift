// A run: from a recipe to a trained model, on all ranks.
import Adapters
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Objectives
import Optimizers
import Planning
import Recipes
import Sharding
import Tensors

package final class Run {
  package let recipe: Recipe
  package internal(set) var data: RunData
  package let replica: Replica
  package let ranks: Ranks
  package let ledger: MemoryLedger
  let step: TrainStep
  let fingerprint: [JSON.Member]
  let optimizer: ShardedOptimizer
  let observers: [any Observer]
  let checkpoints: CheckpointFolder
  let saves: RunCheckpoints
  var resumed: (step: Int, path: String)?
  private let started = Date()
  /// What the user should know about the model and the checkpoint that the run resumes from, a line each.
  var notes: [String]
  let model: RunModel
  /// What is kept of samples where only a head is trained; nil for other methods.
  let featureForm: FeatureForm?
  /// What answers are compared with.
  var reference: Reference?
  /// Where a model learns from its own answers, what draws and rewards them.
  var policy: PolicyRun?
  /// What is trained in one pass, where there are several: tasks over one trunk, or adapters on one base; and its data.
  let parts: (any RunParts)?
  let partData: PartData?
  /// Where a student learns from its own answers, what writes them.
  private var own: OwnAnswers?
  /// What shows whether the model forgets.
  var general: GeneralText?
  var first: Evaluation?
  var keptRollouts: JSON?
  /// Benchmarks, and what ends the run before its last step; nil where the recipe has none.
  private(set) var tasks: RunTasks?
  var stopping: EarlyStopping?
  var keptStopping: JSON?
  /// Whether every report has the times of all ranks; the same on all of them.
  package var asksRanks = false

  /// Reads, checks and builds everything; nothing is trained and no file written yet. Collective.
  /// - Parameters:
  ///   - threads: the threads of this rank, if the recipe does not say.
  ///   - observers: told on the first rank only.
  ///   - base: frozen weights that other runs share; nil for a copy of the run's own.
  package init(
    _ recipe: Recipe, ranks: Ranks, threads: Int, observers: [any Observer], ledger: MemoryLedger,
    base: SharedBase? = nil
  ) throws {
    let threads = recipe.parallel.threads ?? threads
    let caching = try DataCaching(recipe, ranks: ranks, threads: threads) { line in
      for observer in observers { try? observer.noted(line) }
    }
    var recipe = try caching?.identified(recipe) ?? recipe
    recipe = try ranks.together { [recipe] in try recipe.settled() }
    var model = try RunModel(recipe, ranks: ranks)
    let partData = try PartData(
      &recipe, model.description, ranks: ranks, threads: threads, caching: caching)
    let data =
      try partData?.first
      ?? RunData.checked(&recipe, model.description, ranks: ranks, threads: threads, caching: caching)
    let dataNotes = try ranks.together { [recipe, model] in
      guard ranks.isFirst else { return [String]() }
      return try recipe.training.activations.notes
        + (partData?.notes(model.description) ?? data.notes(recipe, model.description))
    }
    (recipe, model) = try ranks.together { [recipe, model] in
      let settled = try recipe.settled(steps: data.steps)
      return (settled, try model.with(chatTemplate: data.dataset.namedTemplate).settled(settled))
    }
    let engine = try ranks.together {
      try Engine(
        threads: threads, kernel: recipe.parallel.blasKernel,
        profile: recipe.training.trace == nil ? nil : Profile())
    }
    let replica = try Replica(
      recipe, model.description, base: base, engine: engine, ranks: ranks, ledger: ledger)
    if let form = recipe.softTargets {
      let teacher = Teacher(
        try .reference(recipe, of: replica, checkpoint: nil, ranks: ranks, ledger: ledger), form,
        ledger: ledger)
      try ranks.together { try teacher.check(replica.description) }
      replica.teacher = teacher
    }
    featureForm = try ranks.together { try HeadRun.form(recipe, model.description) }
    let fingerprint = replica.fingerprint(
      microBatchSize: recipe.training.microBatchSize, exact: recipe.training.exact,
      context: recipe.parallel.context)
    if recipe.training.audit > 0 { try ranks.checkSameBits(fingerprint) }
    let map = ShardMap(
      layout: replica.layout, stage: recipe.parallel.zero, rank: ranks.rank, ranks: ranks.count)
    let optimizer = try ranks.together {
      try ShardedOptimizer(
        map: map, rule: recipe.rule, type: replica.weights.type,
        offload: recipe.optimizer.offload?.path(at: "optimizer.offload"),
        engine: engine, ledger: ledger)
    }
    self.recipe = recipe
    self.ranks = ranks
    self.ledger = ledger
    self.observers = ranks.isFirst ? observers : []
    self.model = model
    self.data = data
    self.replica = replica
    self.partData = partData
    parts = partData.map { data -> any RunParts in
      if let trunk = recipe.objective as? SharedTrunk { return TrunkTasks(trunk, data, replica) }
      return AdapterRows(recipe, data, replica)
    }
    self.fingerprint = fingerprint
    self.optimizer = optimizer
    step = TrainStep(
      recipe, data, replica, optimizer: optimizer, ranks: ranks, ledger: ledger, parts: parts,
      context: try ContextRun(recipe, data, replica, ranks: ranks, ledger: ledger))
    checkpoints = CheckpointFolder(output: recipe.output)
    let start = try checkpoints.start(recipe.checkpoint.resume, over: ranks)
    saves = RunCheckpoints(
      checkpoints, recipe.checkpoint, damaged: start.damaged, ranks: ranks, pool: engine.pool, ledger: ledger)
    notes = model.description.notes + dataNotes + start.notes
    if recipe.keep.holdsWeights {
      try fill()
      replica.weights.refreshVectors()
      step.anchor = try .make(recipe, replica, step: step, from: try firstReader(), ledger: ledger)
    }
    if let path = start.path { try resume(from: path) } else if step.anchor == nil { try fill() }
    // All ranks have read their parts by now.
    replica.weights.refreshVectors()
    tasks = try RunTasks(recipe, replica, ranks: ranks)
    stopping = recipe.training.stopping.map {
      EarlyStopping($0, isHigherBetter: tasks?.isHigherBetter($0.measure) ?? false, kept: keptStopping)
    }
    saves.best = stopping?.best?.step
  }

  /// How many steps lie between two at which the ranks tell how long they took, where nobody asks for all.
  private static let rankInterval = 10

  /// Notifies the first rank's observers. Collective: all ranks call it equally often, whatever each of them knows.
  func tell(_ body: (any Observer) throws -> Void) throws {
    try ranks.together { for observer in observers { try body(observer) } }
  }

  /// Trains to the last step, and leaves the model in `OUTPUT/model`. Collective.
  /// - Parameters:
  ///   - end: where to stop before that, with a checkpoint.
  ///   - deadline: the time at which the launcher will end the run.
  /// - Throws: `UserError(.tryAgain)` if the run was asked to stop, after a checkpoint.
  package func train(until end: Int = .max, deadline: Date? = nil) throws {
    // A run that was over stays so.
    let last = stopping?.isOver == true ? resumed?.step ?? data.steps : data.steps
    let end = min(end, last)
    let begin = Date()
    try ranks.together { if ranks.isFirst { try checkpoints.prepareOutput(of: recipe) } }
    try tell { observer in
      try observer.began(summary)
      for note in notes + [recipe.schedule.note(steps: data.steps)].compactMap({ $0 }) {
        try observer.noted(note)
      }
      if recipe.elementType == .bfloat16, let reason = replica.engine.halves.reasonWhySlow {
        try observer.noted("\(reason): model_dtype float32 would be faster here")
      }
      if replica.engine.blas.isSplit, let reason = replica.engine.blas.reasonWhySlow {
        try observer.noted("\(reason): parallel.arithmetic native would be faster here")
      }
    }
    // A checkpoint that is being written when an error ends the run is not lost.
    defer { try? tell(saves.finish()) }
    // The weights of the last step are all here when this returns.
    defer { step.finish() }
    let first = (resumed?.step ?? 0) + 1
    let head = try headRun(from: first)
    step.features = head?.features
    try compare(from: first)
    policy = try PolicyRun(
      recipe, data, from: first, kept: keptRollouts, replica: replica, ranks: ranks, ledger: ledger,
      note: { [observers] text in for observer in observers { try? observer.noted(text) } })
    general = try GeneralText(recipe, of: replica, ranks: ranks)
    own = try OwnAnswers(recipe, data, replica: replica, ranks: ranks)
    if first == 1, let evaluation = try validate() {
      self.first = evaluation
      try tell { try $0.validated(evaluation) }
    }
    var stream = data.stream
    var tokens = 0
    var audits = 0
    var seconds = RankSeconds()
    var measured: Evaluation?
    var done = end
    let limit = recipe.training.timeLimit.map { started.addingTimeInterval($0) }
    var requests = RunRequests(
      ranks: ranks, output: recipe.output, checkpoint: recipe.checkpoint.every,
      deadline: [limit, deadline].compactMap { $0 }.min())
    var trace = StepTrace(recipe, replica.engine, ranks)
    for number in stride(from: first, through: end, by: 1) {
      trace?.begin(number)
      step.countsGradient =
        recipe.training.reportTo.contains(.tensorboard) && GradientHistogram.isDue(number, of: data.steps)
      var report =
        try head?.run(number, tokens: data.dataset.train.tokenCount, fill: fillTrained)
        ?? reported { try step.run(number, try microBatches(number, &stream)) }
      try ranks.together {
        try optimizer.check()
        try replica.arena.check()
        try step.context?.check()
        try replica.store.frozen?.check()
        try step.features?.check()
        if let parts {
          try parts.check()
        } else {
          try data.dataset.check()
          try stream.check()
        }
        try checkNumbers(report)
      }
      step.finishMoving(number)
      if let policy { report.scalars = policy.scalars(of: number) + report.scalars }
      tokens += report.tokens
      audits += report.audits
      seconds.add(report)
      if asksRanks || !recipe.training.reportTo.isEmpty || number % Self.rankInterval == 0 {
        report.ranks = RankSeconds(step: report.seconds, exchange: report.exchangeSeconds).gathered(ranks)
      }
      let isLast = number == data.steps
      let every = recipe.training.validateEvery
      let validation = isLast || every > 0 && number % every == 0 ? try validate() : nil
      measured = validation ?? measured
      let numbers = try measureTasks(after: number, isLast: isLast)
      report.scalars += numbers.map { Scalar($0.name, $0.value) }
      let isBest = note(validation, numbers, at: number)
      if let loss = validation?.loss { step.plateau?.note(loss) }
      let isOver = stopping?.isOver == true
      let outcomes = saves.advance()
      try tell { observer in
        try observer.stepped(report, validation: validation)
        for outcome in outcomes { try outcome.tell(observer) }
      }
      let request = requests.agree(stepSeconds: report.seconds, saveSeconds: saves.longest)
      let isLastOne = number == end || request.isStop || isOver
      let isDue = recipe.checkpoint.every.isDue(after: number)
      if isLastOne || isDue || isBest || request == .checkpoint {
        try replica.engine.time("checkpoint") { try save(number, mustSucceed: isLastOne) }
      }
      if let note = trace?.end(number, isLast: isLastOne) { try tell { try $0.noted(note) } }
      if isOver {
        done = number
        if let stopping, number < last { try tell { try $0.noted(words(of: stopping, after: number)) } }
        break
      }
      if request.isStop, number < end { throw stopped(after: number, request) }
    }
    guard end == last else { return }
    step.finish()
    try tell(saves.finish())
    step.show(evaluated: true)
    try restoreBest(after: done)
    if let averaged = try averageWithBase(measured) {
      measured = averaged.behind
      try tell { try $0.noted(averaged.words) }
    }
    let memory = RunMemory(ranks)
    let rankSeconds = seconds.gathered(ranks)
    let model = recipe.output + "/model"
    // Where there was nothing to do, the card of the run that did it stays. If that run ended before it wrote one, its
    // numbers are measured again.
    let stored = first > end ? ModelCard.stored(in: model) : nil
    if first > end, ranks.largest(stored == nil ? 1 : 0) == 1 { measured = try validate() }
    let card = ModelCard(summary, isAdapter: self.model.base.leavesAdapter, validation: measured)
    let text = stored ?? card.text
    try ranks.together { try leftContent(text) }.write(
      to: model, type: recipe.checkpoint.elementType, state: nil, replacing: true, ranks: ranks)
    try tell {
      try $0.ended(
        RunEnd(
          model: model, seconds: Date().timeIntervalSince(begin), steps: done - first + 1,
          tokens: tokens, audits: recipe.training.audit > 0 ? audits : nil, memory: memory,
          first: self.first, ranks: rankSeconds, validation: measured))
    }
  }

  /// What a step computes; where it begins with new answers of the policy, they are drawn first. Collective.
  private func microBatches(_ number: Int, _ stream: inout BatchStream) throws -> [MicroBatch] {
    if let parts { return parts.microBatches(step: number - 1) }
    guard let policy else {
      let given = stream.microBatches(step: number - 1)
      guard let own else { return given }
      step.sequences = data.dataset.train
      guard own.writes(number) else { return given }
      step.finish()
      let written =
        try recipe.rule.evaluated?.draws == true
        ? step.withEvaluated { try own.sequences(number, given) } : own.sequences(number, given)
      step.sequences = written.sequences
      return written.microBatches
    }
    if policy.draws(number) { step.finish() }
    let draws = policy.draws(number) && recipe.rule.evaluated?.draws == true
    let microBatches =
      try draws
      ? step.withEvaluated { try policy.microBatches(number) } : policy.microBatches(number)
    step.rollouts = policy.current
    step.sequences = policy.current?.sequences ?? step.sequences
    return microBatches
  }

  /// The newest checkpoint of the output folder.
  package var lastCheckpoint: String? { checkpoints.complete.last?.path }

  func tell(_ outcomes: [RunCheckpoints.Outcome]) throws {
    try tell { observer in for outcome in outcomes { try outcome.tell(observer) } }
  }

  private var summary: RunSummary {
    RunSummary(
      recipe: recipe, family: replica.description.typeName, parameters: replica.store.layout.count,
      trained: replica.layout.count, method: type(of: recipe.method).name,
      unit: type(of: recipe.objective).unit,
      data: partData?.summary ?? RunDataSummary(data.dataset.summary), steps: data.steps,
      ranks: ranks.count,
      hosts: ranks.hosts, threads: replica.engine.pool.threads, matrixLibrary: replica.engine.blas.name,
      resumed: resumed, output: recipe.output, fingerprint: fingerprint)
  }
}

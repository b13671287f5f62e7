// Several tasks over one trunk while a run trains: which samples of each a step has, and what they give.
import Base
import Collectives
import Datasets
import Models
import Objectives
import Recipes
import Tokenizers

package final class TrunkTasks: RunParts {
  let objective: SharedTrunk
  private let data: PartData
  /// The trunk with the head of each task: the same weights in the same memory.
  let replicas: [Replica]
  private var streams: [BatchStream]
  /// Of each task in the step that runs.
  private var units: [Int] = []

  /// - Parameter replica: of the run.
  init(_ objective: SharedTrunk, _ data: PartData, _ replica: Replica) {
    self.objective = objective
    self.data = data
    replicas = zip(objective.tasks, replica.description.eachTask).map {
      Replica(replica, $1, for: $0.objective)
    }
    streams = data.data.map(\.stream)
  }

  /// The floats that the gradients of a micro-batch of any task take.
  package var gradientRoom: Int { replicas.map(\.gradientRoom).max() ?? 0 }
  package var counts: Int { objective.counts }

  private func sequences(of task: Int) -> TokenSequences { data.data[task].dataset.train }
  private func mask(of task: Int) -> PackingMask { data.recipes[task].data.packingMask }
  package func replica(of microBatch: MicroBatch) -> Replica { replicas[microBatch.task] }
  package func weight(of microBatch: MicroBatch) -> Float { Float(objective.tasks[microBatch.task].weight) }
  package func units(of microBatch: MicroBatch) -> Int { units[microBatch.task] }

  package func fill(_ batch: inout Batch, with microBatch: MicroBatch, _ draw: BatchDraw) {
    let task = microBatch.task
    replicas[task].objective.fill(
      &batch, with: microBatch, of: sequences(of: task), mask: mask(of: task), draw)
  }

  /// The micro-batches of a step (from 0), task by task. Each holds samples of one task.
  package func microBatches(step: Int) -> [MicroBatch] {
    var all: [MicroBatch] = []
    var first = 0
    for task in streams.indices {
      let start = first
      for var microBatch in streams[task].microBatches(step: step) {
        microBatch.task = task
        microBatch.firstSample += start
        first += microBatch.sequences.count
        all.append(microBatch)
      }
    }
    return all
  }

  package func tokenCount(of microBatches: [MicroBatch]) -> Int {
    microBatches.reduce(0) { $0 + sequences(of: $1.task).tokenCount(of: [$1]) }
  }

  package func samples(of microBatches: [MicroBatch]) -> Int {
    microBatches.reduce(0) { $0 + $1.sequences.count / sequences(of: $1.task).rowsPerSample }
  }

  /// Counts the units of each task in a step, which its losses will be divided by.
  /// - Returns: those of all.
  package func begin(_ microBatches: [MicroBatch], _ draw: BatchDraw) -> Int {
    units = replicas.indices.map { task in
      replicas[task].objective.units(
        of: microBatches.filter { $0.task == task }, in: sequences(of: task), draw)
    }
    return units.reduce(0, +)
  }

  /// What a micro-batch that was just computed leaves beside its loss.
  package func counts(
    of microBatch: MicroBatch, in batch: Batch, loss: Double, _ draw: BatchDraw
  ) -> [Double] {
    let replica = replicas[microBatch.task]
    let units = replica.objective.units(of: [microBatch], in: sequences(of: microBatch.task), draw)
    return objective.counts(
      of: microBatch.task, LossSums(loss: loss, units: units, counts: replica.counts))
  }

  package func loss(of total: LossSums) -> Double { objective.loss(of: total) }
  package func scalars(ofStep total: LossSums) -> [Scalar] { objective.scalars(ofStep: total) }

  package func offenders(
    _ microBatches: [MicroBatch], sums: [LossSums],
    decode: @escaping @Sendable (ArraySlice<Int32>) -> String
  ) -> String {
    let losses = sums.map(\.loss)
    let isBroken = losses.contains { !$0.isFinite }
    let parts = replicas.indices.compactMap { task -> String? in
      let own = microBatches.indices.filter { microBatches[$0].task == task }
      guard !own.isEmpty, !isBroken || own.contains(where: { !losses[$0].isFinite }) else { return nil }
      let samples = OffendingSamples(
        sequences: sequences(of: task), replica: replicas[task], mask: mask(of: task), decode: decode)
      let words = samples.words(own.map { microBatches[$0] }, losses: own.map { losses[$0] })
      return "\(objective.tasks[task].name): \(words)"
    }
    return parts.joined(separator: "; ")
  }

  /// The validation of every task that has some; nil if none has. Collective.
  package func validate(ranks: Ranks) throws -> Evaluation? {
    var whole = Evaluation(general: nil)
    var loss: Double?
    for task in replicas.indices {
      let (recipe, dataset) = (data.recipes[task], data.data[task].dataset)
      guard let sequences = dataset.validation else { continue }
      let own = try evaluate(
        sequences, rows: dataset.validationRows, replica: replicas[task], ranks: ranks,
        microBatchSize: recipe.training.microBatchSize, mask: recipe.data.packingMask)
      whole.tokens += own.tokens
      whole.rows += own.rows
      guard let mean = own.loss else { continue }
      loss = (loss ?? 0) + objective.tasks[task].weight * mean
      whole.scalars += objective.named([Scalar("loss", mean)] + own.scalars, of: task)
    }
    guard let loss else { return nil }
    whole.sums = LossSums(loss: loss, units: 1)
    return whole
  }

  /// - Throws: if the disk has lost something of the data or its order.
  package func check() throws {
    try data.check()
    for stream in streams { try stream.check() }
  }
}

// Training steps of a model with random weights on random tokens, as benches run them.
import Base
import Collectives
import Datasets
import Graph
import Kernels
import Models
import Optimizers
import Planning
import Sharding
import Tensors
import Training

final class BenchTraining {
  let layout: ParameterLayout
  private let map: ShardMap
  private let place: Placement
  private let run: TrainStep
  private let microBatches: [MicroBatch]

  /// Collective.
  /// - Parameters:
  ///   - accumulate: micro-batches per rank and step.
  ///   - offload: the folder where activations wait for backward, where `shape` says so.
  ///   - sequences: makes what is learned.
  init(
    _ description: ModelDescription, _ shape: RunShape, accumulate: Int = 1, engine: Engine, ranks: Ranks,
    ledger: MemoryLedger, offload: String? = nil,
    sequences: (_ count: Int, _ length: Int, _ vocabulary: Int) -> TokenSequences = {
      BenchShape.gpt2.sequences($0, length: $1, vocabulary: $2)
    }
  ) throws {
    let layout = description.layout.trained
    self.layout = layout
    let place = Placement(
      ranks: ranks.count, ranksPerHost: ranks.localCount, threads: engine.pool.threads)
    self.place = place
    let type = description.trainedType(shape.type)
    let weights =
      (shape.sharesHostWeights(place)
        ? WeightLine.onHost(layout, type: type, ranks: ranks, ledger: ledger) : nil)
      ?? WeightLine(layout, type: type, ledger: ledger)
    let plan = FrozenPlan(description.layout, shape.frozen, type: shape.type)
    let frozen =
      plan.parameters.isEmpty
      ? nil : FrozenStore.onHost(plan, ranks: ranks, ledger: ledger) ?? FrozenStore(plan, ledger: ledger)
    let store = WeightStore(description.layout, trained: weights, frozen: frozen, type: shape.type)
    let replica = Replica(
      description, objective: shape.objective, engine: engine, store: store, recompute: shape.recompute,
      keeping: shape.keeping, holds: GradientSum.holds(ranks: ranks.count),
      arena: try ranks.together { try Arena(offload: offload, ledger: ledger) }, ledger: ledger)
    let map = ShardMap(layout: layout, stage: shape.stage, rank: ranks.rank, ranks: ranks.count)
    self.map = map
    let optimizer = try ShardedOptimizer(
      map: map, rule: shape.rule, type: type, engine: engine, ledger: ledger)
    let random = RandomWeights(description.layout, seed: 0)
    try ranks.together {
      try replica.fill(from: random)
      try optimizer.fillMasters(from: random)
    }
    weights.refreshVectors()
    let count = shape.batch.sequences * accumulate * max(1, ranks.count / shape.context)
    let schedule = Schedule(shape: .constant, peak: 1e-4, warmupSteps: 0, finalRatio: 1, steps: 1)
    let learned = sequences(count, shape.batch.length, description.family.vocabulary)
    let adapters = description.adaptation.members
    let parts = adapters.map {
      AdapterRows.Part(name: $0.name, sequences: learned, mask: .none, schedule: schedule)
    }
    let context =
      shape.context == 1
      ? nil
      : try ContextRun(
        replica, chunks: shape.context, sequences: shape.batch.sequences, length: shape.batch.length,
        ranks: ranks, ledger: ledger)
    run = TrainStep(
      replica: replica,
      gradients: GradientSum(
        map: map, ranks: ranks, engine: engine, room: replica.gradientRoom, exact: shape.exact,
        wire: shape.wire, ledger: ledger),
      optimizer: optimizer, schedule: schedule, ranks: ranks, sequences: learned, mask: .none, seed: 0,
      gradientClip: 1, parts: parts.isEmpty ? nil : AdapterRows(replica, parts), context: context)
    let whole = MicroBatch.cut(Array(0..<count), size: shape.batch.sequences)
    microBatches = adapters.isEmpty ? whole : whole.map { $0.shared(among: adapters.count) }
  }

  /// - Parameter number: 1 for the first step.
  func step(_ number: Int) throws -> StepReport { try run.run(number, microBatches) }

  /// Waits for weights that are still under way.
  func finish() { run.finish() }

  /// The predicted time of a step.
  func estimate(_ shape: RunShape, _ description: ModelDescription, _ rates: HostRates) -> StepEstimate {
    StepEstimate(
      map, ProgramEstimate(description, layout: description.layout, shape, place), shape, place,
      sequences: microBatches.count * shape.batch.sequences, rates: rates)
  }
}

extension MicroBatch {
  /// The same rows, an even share for each of several adapters.
  fileprivate func shared(among count: Int) -> MicroBatch {
    let parts = (0..<count).map { number in
      let rows = sequences.count * number / count..<sequences.count * (number + 1) / count
      return MicroBatch(
        sequences: Array(sequences.dropFirst(rows.lowerBound).prefix(rows.count)),
        firstSample: firstSample + rows.lowerBound)
    }
    var whole = parts[0]
    whole.beside = Array(parts.dropFirst())
    return whole
  }
}

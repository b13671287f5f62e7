// What a run needs in memory, by part, before any of it is allocated.
//
// Exact where memory is planned: weights, shards and exchange by the very functions that lay them out, activations
// from a program that is recorded and never run. The base alone was measured.
import Base
import Collectives
import Datasets
import Graph
import Models
import Optimizers
import Sharding
import Tensors

/// What decides a run's memory beside its model and where it runs.
package struct RunShape: Sendable {
  package var batch: BatchShape
  package var type: ModelType
  package var wire: ModelType
  package var rule: any UpdateRule
  package var recompute: Recompute
  package var stage: ZeroStage
  package var sharesWeights: Bool?
  package var exact: Bool

  package init(
    batch: BatchShape, type: ModelType, wire: ModelType = .float32, rule: any UpdateRule,
    recompute: Recompute, stage: ZeroStage, sharesWeights: Bool? = nil, exact: Bool = true
  ) {
    self.batch = batch
    self.type = type
    self.wire = wire
    self.rule = rule
    self.recompute = recompute
    self.stage = stage
    self.sharesWeights = sharesWeights
    self.exact = exact
  }

  package init(_ recipe: Recipe) {
    self.init(
      batch: BatchShape(sequences: recipe.training.microBatchSize, length: recipe.data.sequenceLength),
      type: recipe.modelType, wire: recipe.parallel.wireType, rule: recipe.optimizer.rule,
      recompute: recipe.training.recompute, stage: recipe.parallel.zero,
      sharesWeights: recipe.parallel.sharesWeights, exact: recipe.training.exact)
  }
}

/// Where ranks run.
package struct Placement: Sendable, Equatable {
  package var ranks: Int
  package var ranksPerHost: Int
  /// Of each rank.
  package var threads: Int

  package init(ranks: Int, ranksPerHost: Int, threads: Int) {
    self.ranks = ranks
    self.ranksPerHost = ranksPerHost
    self.threads = threads
  }

  package var hosts: Int { (ranks + ranksPerHost - 1) / ranksPerHost }
}

/// What the program of a micro-batch needs, by recording and planning it.
package struct ProgramEstimate: Sendable {
  /// Floats of activations and scratch, and of gradients until they are exchanged.
  package let activations: Int
  package let gradients: Int
  /// Operations of its matrix products.
  package let productOperations: Double

  package init(
    _ description: ModelDescription, layout: ParameterLayout, _ shape: RunShape, _ place: Placement
  ) {
    // Sequences that are longer than the model reads are refused with the data.
    var batch = shape.batch
    batch.length = min(batch.length, description.family.maximumLength)
    let graph = Graph(layout: layout, shape: batch, purpose: .training, type: shape.type)
    description.family.forward(graph)
    let program = Program(
      graph, recompute: shape.recompute, threads: place.threads,
      holds: GradientSum.holds(ranks: place.ranks))
    activations = program.arenaCount
    gradients = program.gradientCount
    productOperations = program.productOperations
  }
}

/// Bytes of one rank, by part.
package struct MemoryEstimate: Sendable {
  package struct Part: Sendable {
    package let name: String
    package let bytes: Int
    /// How the bytes come about, for people.
    package let how: String
  }

  package let parts: [Part]
  package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

  /// What a rank has resident before it has a model: code, MPI, the matrix library; and what a thread adds.
  /// Between RSS and PSS of a tiny model (docs/plan.md).
  package static let base = 20_000_000
  package static let baseOfThread = 4_000_000

  /// - Parameter map: of the rank that is meant; its stage is that of the shape.
  package init(_ map: ShardMap, _ program: ProgramEstimate, _ shape: RunShape, _ place: Placement) {
    let layout = map.layout
    let float = MemoryLayout<Float>.size
    let sharing = shape.sharesHostWeights(place) ? place.ranksPerHost : 1
    let vectors = WeightLine.vectorRoom(layout, type: shape.type) * float
    let states = ShardedOptimizer.stateBytes(map: map, rule: shape.rule)
    let exchange = GradientSum.exchangeBytes(
      map: map, room: program.gradients, exact: shape.exact, wire: shape.wire,
      remote: place.ranks - min(place.ranksPerHost, place.ranks))
    func times(_ count: Int, _ bytes: Int) -> String { "\(grouped(count)) × \(bytes) bytes" }
    parts = [
      Part(
        name: "weights", bytes: WeightLine.room(layout, type: shape.type) * float / sharing + vectors,
        how: times(layout.count, shape.type.bytes) + (sharing > 1 ? ", shared by \(sharing) ranks" : "")
          + (vectors > 0 ? ", and gains and biases in fp32" : "")),
      Part(
        name: "master weights", bytes: shape.type == .float32 ? 0 : map.heldCount * float,
        how: shape.type == .float32 ? "none with float32" : times(map.heldCount, float)),
      Part(name: "gradients", bytes: map.heldCount * float, how: times(map.heldCount, float)),
      Part(
        name: "optimizer states", bytes: states,
        how: states == 0
          ? "none"
          : "\(grouped(map.heldCount)) × \(decimals(Double(states) / Double(max(map.heldCount, 1)), 2)) bytes"
      ),
      Part(
        name: "exchange", bytes: exchange.written + exchange.received,
        how: "gradients being made \(megabytes(exchange.written)), received \(megabytes(exchange.received))"),
      Part(
        name: "activations", bytes: program.activations * float,
        how: times(program.activations, float) + ", \(shape.batch.sequences) × \(shape.batch.length) tokens"),
      Part(
        name: "base", bytes: Self.base + Self.baseOfThread * place.threads,
        how: "the process and \(counted(place.threads, "thread"))"),
    ]
  }

  /// This rank's part of a run that is about to start.
  /// - Throws: where the model's weights alone are more than `memory`, a host's bytes.
  package init(
    _ description: ModelDescription, folder: String, _ shape: RunShape, ranks: Ranks, threads: Int,
    memory: Double
  ) throws {
    // First of all: the layout of a hostile config.json may be too large to be made.
    try description.checkFits(folder: folder, copies: Double(shape.type.bytes) / 4, memory: memory)
    let layout = ParameterLayout(specs: description.parameters)
    let place = Placement(ranks: ranks.count, ranksPerHost: ranks.localCount, threads: threads)
    self.init(
      ShardMap(layout: layout, stage: shape.stage, rank: ranks.rank, ranks: ranks.count),
      ProgramEstimate(description, layout: layout, shape, place), shape, place)
  }

  /// - Parameter ranks: how many ranks of the host need as much.
  /// - Throws: where a host does not have that memory, with a line for each part.
  package func check(folder: String, ranks: Int, memory: Double) throws {
    let need = Double(bytes) * Double(ranks)
    guard need > memory else { return }
    throw UserErrors(
      [
        UserError(
          .data,
          "\(counted(ranks, "rank")) of a host \(ranks == 1 ? "needs" : "need") \(gigabytes(need)), "
            + "and it has \(gigabytes(memory))",
          at: folder,
          hint: "swiftdp plan shows what would fit: training.recompute, fewer ranks a host, more hosts")
      ]
        + parts.filter { $0.bytes > 0 }.map {
          UserError(.data, "\($0.name) \(gigabytes(Double($0.bytes))) a rank: \($0.how)")
        })
  }
}

extension RunShape {
  /// Whether the ranks of a host have one copy of the weights together: where every rank updates all
  /// weights, each needs its own.
  package func sharesHostWeights(_ place: Placement) -> Bool {
    place.ranksPerHost > 1 && stage != .replicas && sharesWeights ?? true
  }
}

private func megabytes(_ bytes: Int) -> String { "\(grouped(bytes / 1_000_000)) MB" }

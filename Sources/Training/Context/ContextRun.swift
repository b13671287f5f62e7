// Context parallelism: this rank's chunks of each micro-batch.
//
// The gradient of chunk c of micro-batch m is part m·C + c of a step's sum, so that the bits of a run follow from C, and
// not from the number of ranks. A rank that has several chunks runs them together, one operation after the other: the
// gradients of its first one leave segment by segment, those of the others are kept until it is their turn.
import Base
import Collectives
import Datasets
import Graph
import Kernels
import Models
import Recipes
import Sharding
import Tensors

package final class ContextRun {
  /// One of this rank's chunks.
  private final class Lane {
    let chunk: Int
    let tokens = ChunkTokens()
    let arena: Arena
    /// Where its program writes gradients, and all of them; nil for the first one.
    let written: FlatMemory?
    let kept: FlatMemory?
    var result: ProgramChunk?

    init(_ chunk: Int, arena: Arena, written: FlatMemory?, kept: FlatMemory?) {
      self.chunk = chunk
      self.arena = arena
      self.written = written
      self.kept = kept
    }
  }

  private let group: ContextGroup
  private let replica: Replica
  private let lanes: [Lane]
  private var firstKeys: [Int32] = []
  private var endKeys: [Int32] = []
  private var program: Program?

  package var chunks: Int { group.chunks }

  /// Collective.
  /// - Parameters:
  ///   - sequences, length: the most sequences of a micro-batch, and the most tokens of one.
  package init(
    _ replica: Replica, chunks: Int, sequences: Int, length: Int, ranks: Ranks, ledger: MemoryLedger? = nil
  ) throws {
    try ranks.together { try replica.description.checkContext() }
    let pieces = ContextPieces(length: length, chunks: chunks)
    group = try ContextGroup(
      ranks, chunks: chunks, room: sequences * pieces.length * replica.description.keyColumns, ledger: ledger)
    self.replica = replica
    let (room, trained) = (replica.gradientRoom, replica.layout.trainedCount)
    lanes = try group.own.enumerated().map { number, chunk in
      number == 0
        ? Lane(chunk, arena: replica.arena, written: nil, kept: nil)
        : Lane(
          chunk, arena: try replica.arena.another(),
          written: FlatMemory(count: room, label: "context", ledger: ledger),
          kept: FlatMemory(count: trained, label: "context", ledger: ledger))
    }
  }

  /// Nil where sequences are not cut. Collective.
  convenience init?(_ recipe: Recipe, _ data: RunData, _ replica: Replica, ranks: Ranks, ledger: MemoryLedger)
    throws
  {
    guard recipe.parallel.context > 1 else { return nil }
    try self.init(
      replica, chunks: recipe.parallel.context, sequences: recipe.training.microBatchSize,
      length: data.dataset.train.longestRow, ranks: ranks, ledger: ledger)
  }

  /// - Throws: `UserError(.disk)` if the disk has lost some of its activations.
  func check() throws { for lane in lanes { try lane.arena.check() } }

  /// Whether a chunk is the first one of this rank.
  package func isFirst(_ chunk: Int) -> Bool { chunk == group.own[0] }

  /// Computes this rank's chunks of a micro-batch. The ranks of the group do so together.
  /// - Parameters:
  ///   - units: the number of losses of the whole step.
  ///   - gradients: `Replica.gradientRoom` floats.
  ///   - whenFinal: gets the segments of the first chunk; see `Program.run`.
  package func train(
    _ batch: Batch, dividedBy units: Int, seed: UInt64, step: Int,
    gradients: UnsafeMutablePointer<Float>, beforeEach: (ProgramEntry) -> Void = { _ in },
    afterEach: (ProgramProgress) -> Void = { _ in },
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) {
    let pieces = ContextPieces(length: batch.length, chunks: chunks)
    batch.findKeys(isCausal: true, first: &firstKeys, end: &endKeys)
    let running = lanes.map { lane in
      let places = pieces.places(ofChunk: lane.chunk)
      lane.tokens.fill(batch, firstKeys: firstKeys, endKeys: endKeys, pieces, places)
      var input = lane.tokens.input(places, ContextChunk(index: lane.chunk, memory: group))
      input.scale = Replica.factor(dividedBy: units)
      input.seed = seed
      input.step = step
      let chunk = ProgramChunk(input, arena: lane.arena, gradients: lane.written?.base ?? gradients)
      lane.result = chunk
      return chunk
    }
    let shape = BatchShape(sequences: batch.rows, length: batch.length).cut(into: chunks)
    let program = replica.program(shape, training: true, dropout: replica.objective.dropsOut)
    self.program = program
    replica.operations += Double(lanes.count) * program.productOperations
    program.run(
      together: running, sharing: group, weights: replica.store, engine: replica.engine,
      beforeEach: beforeEach, afterEach: afterEach
    ) { number, segment, values in
      guard let kept = lanes[number].kept else { return whenFinal(segment, values) }
      let range = replica.layout.segments[segment].range
      replica.engine.copy(values, count: range.count, into: kept.base + range.lowerBound)
    }
  }

  /// Gives the segments of another of this rank's chunks, after `train`, where a program would write them.
  package func hand(
    _ chunk: Int, in gradients: UnsafeMutablePointer<Float>,
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) {
    guard let program, let kept = lane(chunk).kept else { preconditionFailure("the chunk was not computed") }
    for (segment, line) in replica.layout.segments.enumerated() {
      let place = gradients + program.place(ofSegment: segment)
      replica.engine.copy(kept.base + line.range.lowerBound, count: line.range.count, into: place)
      whenFinal(segment, place)
    }
  }

  private func lane(_ chunk: Int) -> Lane {
    guard let lane = lanes.first(where: { $0.chunk == chunk }) else {
      preconditionFailure("the chunk is of another rank")
    }
    return lane
  }

  /// The sum of the losses of a chunk, after `train`, and the losses of its tokens where these are kept.
  package func loss(of chunk: Int) -> Double { lane(chunk).result?.loss ?? .nan }
  func tokenLosses(of chunk: Int) -> [Double] { lane(chunk).result?.outputs ?? [] }
}

extension ModelDescription {
  /// - Throws: if its sequences cannot be cut into chunks.
  func checkContext() throws {
    guard type(of: family).readsSource || !type(of: family).isCausal else { return }
    throw UserError(
      .usage,
      "cuts sequences whose tokens see those before them, and \(typeName) "
        + (type(of: family).readsSource ? "reads two texts" : "sees those behind them too"),
      at: "parallel.context", hint: "leave it out")
  }
}

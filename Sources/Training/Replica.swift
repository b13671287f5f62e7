// One rank's model: its weights, and a program for every shape of micro-batch.
import Adapters
import Base
import Collectives
import Datasets
import Foundation
import Generation
import Graph
import Kernels
import Models
import Objectives
import Recipes
import Sharding
import Tensors

package final class Replica {
  package let description: ModelDescription
  /// Of what is trained.
  package let layout: ParameterLayout
  /// The line of trained weights, and the store of all weights.
  package let weights: WeightLine
  package let store: WeightStore
  package let engine: Engine
  let arena: Arena
  /// What it is trained and measured for.
  package let objective: any Objective
  private let recompute: Recompute
  let keeping: ActivationKeeping
  /// Whether others have filled its frozen weights.
  private var isOnSharedBase = false
  /// α of the noise on embeddings in training.
  private let noise: Double
  /// See `Program.init`.
  let holds: Int
  private let ledger: MemoryLedger?
  private var programs = ProgramCache()
  /// The key intervals of the current micro-batch; the memory is kept for the next one.
  private var firstKeys: [Int32] = []
  private var endKeys: [Int32] = []
  private var source = SourceStream()

  /// The model that its predictions of the next token are kept near while it is trained; nil for none.
  var teacher: Teacher?
  /// The other sums that the micro-batch before left behind.
  package private(set) var counts: [Double] = []
  /// The operations of all matrix products in training since it was set to 0; see `Program.productOperations`.
  var operations = 0.0
  /// Whether training leaves the loss of each token, and that of the last micro-batch.
  var keepsTokenLosses = false
  private(set) var tokenLosses: [Double] = []
  /// What the model gave in the last measurement; see `LossCell`.
  package private(set) var outputs: [Double] = []

  package init(
    _ description: ModelDescription, objective: any Objective = LanguageModel(), engine: Engine,
    store: WeightStore? = nil, recompute: Recompute = .none,
    keeping: ActivationKeeping = ActivationKeeping(), holds: Int = 0, arena: Arena? = nil, noise: Double = 0,
    ledger: MemoryLedger? = nil
  ) {
    self.noise = noise
    self.holds = holds
    self.description = description
    self.objective = objective
    self.engine = engine
    self.recompute = recompute
    self.keeping = keeping
    self.ledger = ledger
    let store = store ?? WeightStore(description, type: .float32, ledger: ledger)
    self.store = store
    weights = store.trained
    layout = weights.layout
    self.arena = arena ?? Arena(ledger: ledger)
  }

  /// The replica of a run, with weights that its recipe lets the ranks of a host share. Collective.
  convenience init(
    _ recipe: Recipe, _ description: ModelDescription, base: SharedBase?, engine: Engine, ranks: Ranks,
    ledger: MemoryLedger
  ) throws {
    let (store, isShared) = try WeightStore.make(
      description, recipe, base: base, ranks: ranks, ledger: ledger)
    let activations = recipe.training.activations
    let arena = try ranks.together {
      try Arena(offload: activations.offload?.path(at: "training.activation_offload"), ledger: ledger)
    }
    self.init(
      description, objective: recipe.objective, engine: engine, store: store,
      recompute: activations.recompute, keeping: activations.keeping,
      holds: GradientSum.holds(ranks: ranks.count), arena: arena, noise: recipe.training.noise, ledger: ledger
    )
    isOnSharedBase = isShared
  }

  /// The same weights with another head, in the same memory.
  /// - Parameter description: of the same parameters.
  package convenience init(_ other: Replica, _ description: ModelDescription, for objective: any Objective) {
    self.init(
      description, objective: objective, engine: other.engine, store: other.store, recompute: other.recompute,
      keeping: other.keeping, holds: other.holds, arena: other.arena, noise: other.noise, ledger: other.ledger
    )
  }

  /// Sets this rank's part of the weights, which is all of them if they are not shared. If they are shared, call
  /// `WeightLine.refreshVectors` when all parts are set.
  package func fill(from reader: any WeightReader) throws {
    try fillTrained(from: reader)
    if !isOnSharedBase { try store.frozen?.fill(from: reader, on: engine.pool.runTiles) }
    if !weights.isShared { weights.refreshVectors() }
  }

  /// The same for what is trained alone.
  func fillTrained(from reader: any WeightReader) throws {
    try weights.fill(weights.loaded, from: reader, on: engine.pool.runTiles)
  }

  /// The floats that the gradients of one micro-batch take, whatever its shape.
  package var gradientRoom: Int {
    program(description.shape(sequences: 1, length: 1), training: true, dropout: true).gradientCount
  }

  /// Loss and gradients of one micro-batch.
  /// - Parameters:
  ///   - units: the number of losses of the whole step.
  ///   - weight: what the mean loss is multiplied by.
  ///   - dropout: whether that of the model's config and method is active.
  ///   - gradients: `gradientRoom` floats.
  ///   - beforeEach, afterEach, whenFinal: see `Program.run`.
  /// - Returns: the sum of the losses of the micro-batch itself.
  package func train(
    _ batch: Batch, dividedBy units: Int, weight: Float = 1, seed: UInt64, step: Int,
    dropout: Bool = true,
    gradients: UnsafeMutablePointer<Float>? = nil, beforeEach: (ProgramEntry) -> Void = { _ in },
    afterEach: (ProgramProgress) -> Void = { _ in },
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows -> Double {
    teacher?.read(batch)
    return try withInput(batch) { input in
      var input = input
      input.soft = teacher?.targets
      input.scale = batch.targetFactors.isEmpty ? Self.factor(weight, dividedBy: units) : 1
      input.seed = seed
      input.step = step
      let program =
        batch.features.isEmpty
        ? program(for: batch, training: true, dropout: dropout && objective.dropsOut)
        : program(shape(of: batch), training: true, part: .head)
      operations += program.productOperations
      defer {
        take(program.counts)
        if keepsTokenLosses {
          tokenLosses.removeAll(keepingCapacity: true)
          tokenLosses.append(contentsOf: program.outputs)
        }
      }
      return try program.run(
        input, weights: store, arena: arena, engine: engine, gradients: gradients, beforeEach: beforeEach,
        afterEach: afterEach, whenFinal: whenFinal)
    }
  }

  /// What the gradient of each loss is multiplied by.
  static func factor(_ weight: Float = 1, dividedBy units: Int) -> Float {
    units == 0 ? 0 : weight / Float(units)
  }

  /// In memory that is kept: a program that is asked for its counts and runs again would copy them.
  private func take(_ counts: [Double]) {
    self.counts.removeAll(keepingCapacity: true)
    self.counts.append(contentsOf: counts)
  }

  /// The same for the mean over the batch's own losses, without dropout.
  func trainWithoutDropout(
    _ batch: Batch, whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) -> Double {
    withInput(batch) { input in
      var input = input
      input.scale = batch.targetCount == 0 ? 0 : 1 / Float(batch.targetCount)
      return program(for: batch, training: true, dropout: false).run(
        input, weights: store, arena: arena, engine: engine, whenFinal: whenFinal)
    }
  }

  /// The representations of a micro-batch's rows that training will give, [B, C].
  package func rehearse(_ batch: Batch, _ draw: BatchDraw) -> [Float] {
    let key = ProgramCache.Key(shape: shape(of: batch), purpose: .rehearsal, dropout: true)
    let program = programs.program(key) {
      Program(record(key.shape, for: .rehearsal), threads: engine.pool.threads)
    }
    return withInput(batch) { input in
      var input = input
      (input.seed, input.step) = (draw.seed, draw.step)
      _ = program.run(input, weights: store, arena: arena, engine: engine)
      return Array(output(of: program))
    }
  }

  /// What the trunk leaves of a micro-batch's rows, until the next program runs.
  func withTrunk(of batch: Batch, _ body: (UnsafeBufferPointer<Float>) -> Void) {
    let key = ProgramCache.Key(shape: shape(of: batch), purpose: .training, dropout: false, part: .trunk)
    let program = programs.program(key) {
      Program(record(key.shape, for: .training, dropout: false), part: .trunk, threads: engine.pool.threads)
    }
    run(program, on: batch)
    body(output(of: program))
  }

  /// The hidden states of a micro-batch's tokens, [B · T, C], until the next program runs.
  func withHidden(of batch: Batch, _ body: (UnsafeBufferPointer<Float>) -> Void) {
    let key = ProgramCache.Key(shape: shape(of: batch), purpose: .logits, dropout: false, part: .trunk)
    let program = programs.program(key) {
      let graph = Graph(
        layout: store.layout, type: store.type, trainedType: weights.type, shape: key.shape, purpose: .logits,
        adaptation: description.adaptation)
      _ = description.family.forward(graph)
      return Program(graph, threads: engine.pool.threads)
    }
    run(program, on: batch)
    body(output(of: program))
  }

  /// The sum of the losses of a micro-batch, without dropout.
  /// - Parameter byRow: whether the numbers of a row have the bits that they have alone; see `Engine.byRow`.
  package func loss(_ batch: Batch, byRow: Bool = false) -> Double {
    run(program(for: batch, training: false), on: batch, byRow: byRow)
  }

  /// The logits of every token, [B · T, V], or of every row's labels, [B, labels].
  /// - Parameter byRow: see `loss`.
  package func logits(_ batch: Batch, byRow: Bool = false) -> [Float] {
    let key = ProgramCache.Key(shape: shape(of: batch), purpose: .logits, dropout: false)
    let program = programs.program(key) {
      Program(record(key.shape, for: .logits), threads: engine.pool.threads)
    }
    run(program, on: batch, byRow: byRow)
    return Array(output(of: program))
  }

  /// What the encoder of virtual tokens makes, [n · C]; nil where they have none.
  func encodedPrompt() -> DerivedTensor? {
    guard let prompt = description.adaptation.prompt, prompt.encoder != .none else { return nil }
    let shape = BatchShape(sequences: 1, length: 1)
    let graph = Graph(
      layout: store.layout, type: store.type, trainedType: weights.type, shape: shape, purpose: .logits,
      adaptation: description.adaptation)
    let columns = description.promptColumns
    _ = graph.vectors(of: prompt, columns: columns)
    let program = Program(graph, threads: engine.pool.threads)
    let batch = Batch(
      rows: 1, length: 1, tokens: [0], targets: [Batch.noTarget], positions: [0], sampleIDs: [0],
      sequences: [0], targetCount: 0)
    run(program, on: batch)
    return DerivedTensor(
      name: Prompt.vectors, shape: [prompt.count, columns], values: Array(output(of: program)))
  }

  /// What continues texts with these weights.
  package var generator: Generator { Generator(description, weights: store, engine: engine) }

  /// Runs a program that has no backward.
  @discardableResult
  func run(_ program: Program, on batch: Batch, byRow: Bool = false) -> Double {
    withInput(batch) {
      let loss = program.run(
        $0, weights: store, arena: arena, engine: byRow ? engine.byRow : engine)
      take(program.counts)
      outputs = program.outputs
      return loss
    }
  }

  /// The output of the program that ran last; valid until the next one runs.
  func output(of program: Program) -> UnsafeBufferPointer<Float> { program.output(arena: arena) }

  private func shape(of batch: Batch) -> BatchShape {
    BatchShape(
      sequences: batch.rows, length: batch.length, sourceLength: batch.source?.length ?? 0,
      rowsPerSample: batch.rowsPerSample, groups: batch.groups)
  }

  private func program(for batch: Batch, training: Bool, dropout: Bool = true) -> Program {
    program(shape(of: batch), training: training, dropout: dropout)
  }

  func program(
    _ shape: BatchShape, training: Bool, dropout: Bool = true, part: ProgramPart = .whole
  ) -> Program {
    let purpose: Purpose = training ? .training : .loss
    // What a head reads has been computed without dropout.
    let dropout = dropout && part == .whole
    return programs.program(ProgramCache.Key(shape: shape, purpose: purpose, dropout: dropout, part: part)) {
      Program(
        record(shape, for: purpose, dropout: dropout), part: part, recompute: recompute, keeping: keeping,
        threads: engine.pool.threads, holds: holds)
    }
  }

  /// Records the forward pass for a purpose, on weights of this replica's layout and type.
  private func record(
    _ shape: BatchShape, for purpose: Purpose, dropout: Bool = true
  ) -> Graph {
    let graph = Graph(
      layout: store.layout, type: store.type, trainedType: weights.type, shape: shape, purpose: purpose,
      dropout: dropout, adaptation: description.adaptation)
    description.prepare(graph)
    graph.loss.keepsTokens = keepsTokenLosses && purpose == .training
    graph.noise = Float(noise)
    graph.soft = teacher?.shape
    switch purpose {
    case .training, .loss, .rehearsal:
      objective.record(description.family.forward(graph), of: description, on: graph)
    case .logits, .decoding, .scoring: description.record(on: graph)
    }
    return graph
  }

  private func withInput<T>(_ batch: Batch, _ body: (GraphInput) throws -> T) rethrows -> T {
    batch.findKeys(
      isCausal: type(of: description.family).isCausal, behind: description.virtualPositions.keys,
      first: &firstKeys, end: &endKeys)
    source.fill(batch)
    return try withPointers(batch.tokens, batch.positions) { tokens, positions in
      try withPointers(firstKeys, endKeys) { firstKeys, endKeys in
        try withPointers(batch.types, batch.lengths) { types, lengths in
          try withPointers(batch.numbers, batch.sampleIDs) { numbers, sampleIDs in
            try source.with(batch) { source, sourceKeys in
              try withPointers(batch.targets, batch.rowGradients) { targets, rowGradients in
                try withPointers(batch.features, batch.tokenNumbers) { features, tokenNumbers in
                  try batch.targetFactors.withUnsafeBufferPointer { factors in
                    try body(
                      GraphInput(
                        stream: TokenStream(
                          tokens: tokens!, positions: positions!, types: types!,
                          keys: KeyIntervals(first: firstKeys!, end: endKeys!)), source: source,
                        sourceKeys: sourceKeys, targets: targets!, lengths: lengths!, numbers: numbers,
                        rowGradients: rowGradients, tokenNumbers: tokenNumbers, features: features,
                        targetFactors: factors.isEmpty ? nil : factors.baseAddress, sampleIDs: sampleIDs!))
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

extension Batch {
  /// The keys that each token sees. A document begins where its positions do. If attention is causal, a token sees its
  /// document up to itself, otherwise all of it. Padding belongs to the document before it, whose tokens do not see it
  /// unless attention is causal and they stand behind it.
  /// - Parameter others: how many keys stand before those of the row's tokens, and are seen by all.
  func findKeys(
    isCausal: Bool, behind others: Int = 0, first firstKeys: inout [Int32], end endKeys: inout [Int32]
  ) {
    firstKeys.removeAll(keepingCapacity: true)
    endKeys.removeAll(keepingCapacity: true)
    for row in 0..<rows {
      var first: Int32 = 0
      for place in 0..<length {
        first = max(first, Int32(place) - positions[row * length + place])
        firstKeys.append(first)
        endKeys.append(Int32(others + place) + 1)
      }
      if !isCausal { seeWholeDocuments(row, firstKeys, &endKeys) }
    }
  }

  /// From the last token of a row to its first: the end of a document is the begin of the next one.
  private func seeWholeDocuments(_ row: Int, _ firstKeys: [Int32], _ endKeys: inout [Int32]) {
    var end = lengths[row]
    for place in (0..<length).reversed() {
      let index = row * length + place
      if place + 1 < Int(lengths[row]), firstKeys[index] != firstKeys[index + 1] { end = Int32(place) + 1 }
      endKeys[index] = end
    }
  }
}

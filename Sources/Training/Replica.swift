// One rank's model: its weights, and a program for every shape of micro-batch.
import Base
import Datasets
import Foundation
import Generation
import Graph
import Kernels
import Models
import Tensors

package final class Replica {
  package let description: ModelDescription
  /// Of what is trained.
  package let layout: ParameterLayout
  /// The line of trained weights, and the store of all weights.
  package let weights: WeightLine
  package let store: WeightStore
  package let engine: Engine
  private let arena: Arena
  private let recompute: Recompute
  /// See `Program.init`.
  let holds: Int
  private let ledger: MemoryLedger?
  private var programs = ProgramCache()
  /// The key intervals of the current micro-batch; the memory is kept for the next one.
  private var firstKeys: [Int32] = []
  private var endKeys: [Int32] = []

  package init(
    _ description: ModelDescription, engine: Engine, store: WeightStore? = nil,
    recompute: Recompute = .none, holds: Int = 0, ledger: MemoryLedger? = nil
  ) {
    self.holds = holds
    self.description = description
    self.engine = engine
    self.recompute = recompute
    self.ledger = ledger
    let store = store ?? WeightStore(description, type: .float32, ledger: ledger)
    self.store = store
    weights = store.trained
    layout = weights.layout
    arena = Arena(ledger: ledger)
  }

  /// Sets this rank's part of the weights, which is all of them if they are not shared. If they are shared, call
  /// `WeightLine.refreshVectors` when all parts are set.
  package func fill(from reader: any WeightReader) throws {
    try weights.fill(weights.loaded, from: reader, on: engine.pool.runTiles)
    try store.frozen?.fill(from: reader, on: engine.pool.runTiles)
    if !weights.isShared { weights.refreshVectors() }
  }

  /// The floats that the gradients of one micro-batch take, whatever its shape.
  package var gradientRoom: Int {
    program(BatchShape(sequences: 1, length: 1), training: true, dropout: true).gradientCount
  }

  /// Loss and gradients of one micro-batch.
  /// - Parameters:
  ///   - targets: the number of target tokens of the whole step.
  ///   - gradients: `gradientRoom` floats.
  ///   - afterEach, whenFinal: see `Program.run`.
  /// - Returns: the sum of the losses of the micro-batch's own targets.
  package func train(
    _ batch: Batch, dividedBy targets: Int, seed: UInt64, step: Int,
    gradients: UnsafeMutablePointer<Float>? = nil, afterEach: (ProgramProgress) -> Void = { _ in },
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows -> Double {
    try withInput(batch) { input in
      var input = input
      input.scale = targets == 0 ? 0 : 1 / Float(targets)
      input.seed = seed
      input.step = step
      return try program(for: batch, training: true).run(
        input, weights: store, arena: arena, engine: engine, gradients: gradients, afterEach: afterEach,
        whenFinal: whenFinal)
    }
  }

  /// The same for the mean over the batch's own targets, without dropout.
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

  /// The sum of the losses of a micro-batch's targets, without dropout.
  package func loss(_ batch: Batch) -> Double {
    run(program(for: batch, training: false), on: batch)
  }

  /// The logits of every token: [B · T, V].
  package func logits(_ batch: Batch) -> [Float] {
    let program = Program(record(shape(of: batch), for: .logits), threads: engine.pool.threads)
    run(program, on: batch)
    return Array(output(of: program))
  }

  /// What continues texts with these weights.
  package var generator: Generator { Generator(description, weights: store, engine: engine) }

  /// Runs a program that has no backward.
  @discardableResult
  func run(_ program: Program, on batch: Batch) -> Double {
    withInput(batch) { program.run($0, weights: store, arena: arena, engine: engine) }
  }

  /// The output of the program that ran last; valid until the next one runs.
  func output(of program: Program) -> UnsafeBufferPointer<Float> { program.output(arena: arena) }

  private func shape(of batch: Batch) -> BatchShape {
    BatchShape(sequences: batch.rows, length: batch.length)
  }

  private func program(for batch: Batch, training: Bool, dropout: Bool = true) -> Program {
    program(shape(of: batch), training: training, dropout: dropout)
  }

  private func program(_ shape: BatchShape, training: Bool, dropout: Bool) -> Program {
    let purpose: Purpose = training ? .training : .loss
    return programs.program(ProgramCache.Key(shape: shape, purpose: purpose, dropout: dropout)) {
      Program(
        record(shape, for: purpose, dropout: dropout), recompute: recompute,
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
    description.record(on: graph)
    return graph
  }

  private func withInput<T>(_ batch: Batch, _ body: (GraphInput) throws -> T) rethrows -> T {
    batch.findKeys(first: &firstKeys, end: &endKeys)
    return try batch.tokens.withUnsafeBufferPointer { tokens in
      try batch.targets.withUnsafeBufferPointer { targets in
        try batch.positions.withUnsafeBufferPointer { positions in
          try firstKeys.withUnsafeBufferPointer { firstKeys in
            try endKeys.withUnsafeBufferPointer { endKeys in
              try batch.sampleIDs.withUnsafeBufferPointer { sampleIDs in
                let keys = KeyIntervals(first: firstKeys.baseAddress!, end: endKeys.baseAddress!)
                let stream = TokenStream(
                  tokens: tokens.baseAddress!, positions: positions.baseAddress!, keys: keys)
                return try body(
                  GraphInput(
                    stream: stream, targets: targets.baseAddress!, sampleIDs: sampleIDs.baseAddress!))
              }
            }
          }
        }
      }
    }
  }
}

extension Batch {
  /// The keys that each token sees: from the place where its positions began up to itself. Padding sees what the
  /// token before it saw, and itself.
  func findKeys(first firstKeys: inout [Int32], end endKeys: inout [Int32]) {
    firstKeys.removeAll(keepingCapacity: true)
    endKeys.removeAll(keepingCapacity: true)
    for row in 0..<rows {
      var first: Int32 = 0
      for place in 0..<length {
        first = max(first, Int32(place) - positions[row * length + place])
        firstKeys.append(first)
        endKeys.append(Int32(place) + 1)
      }
    }
  }
}

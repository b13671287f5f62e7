// The update of the slices that this rank owns.
import Base
import Collectives
import Foundation
import Kernels
import Optimizers
import Tensors

/// Optimizer states in shards, and the rule that uses them.
package final class ShardedOptimizer {
  package let map: ShardMap
  package let rule: any UpdateRule
  /// One memory for each state of the rule.
  package let states: [ShardedState]
  /// The fp32 weights of the part that this rank holds, if replicas hold bfloat16.
  package let masters: FlatMemory?
  /// The file of the master weights, if they are on a disk.
  private let mastersFile: OffloadFile?
  /// The pieces that this rank updates, with the places of their gradients.
  let held: [(piece: Piece, offset: Int)]
  /// The same pieces as the rule sees them; their pointers stay the same from step to step.
  private var prepared: [UpdateStretch] = []
  /// Moves states between the disk and the update, if they are on a disk.
  private let stream: OffloadStream?
  let engine: Engine
  /// How many updates the run has had.
  package var updates = 0

  /// - Parameters:
  ///   - type: the type of the replicas' weights.
  ///   - offload: a folder on the disk that holds states and master weights; nil for memory.
  /// - Throws: `UserError` if the rule cannot update such a model, or if that folder has no room (`.disk`).
  package init(
    map: ShardMap, rule: any UpdateRule, type: ElementType = .float32, offload: String? = nil,
    engine: Engine, ledger: MemoryLedger?
  ) throws {
    if let obstacle = rule.obstacle(in: map.layout) {
      throw UserError(.usage, obstacle, at: "optimizer.name", hint: "adamw8bit needs little memory too")
    }
    let masters =
      type == .float32
      ? nil
      : try FlatMemory.make(
        count: map.heldCount, label: "master weights", offload: offload, ledger: ledger)
    self.masters = masters?.0
    mastersFile = masters?.1
    self.map = map
    self.rule = rule
    self.engine = engine
    let held = Self.held(map)
    self.held = held
    let states = try rule.states.map {
      try ShardedState($0, map: map, held: held.map(\.piece), offload: offload, ledger: ledger)
    }
    self.states = states
    var parts: [(file: OffloadFile, ranges: [Range<Int>?])] = []
    if let file = masters?.1 {
      parts.append((file, held.map { $0.offset * 4..<($0.offset + $0.piece.line.count) * 4 }))
    }
    for state in states {
      if let file = state.file { parts.append((file, held.indices.map(state.bytes(ofPiece:)))) }
    }
    stream = parts.isEmpty ? nil : OffloadStream(parts)
  }

  /// A piece that a rank updates, with the place of its gradients.
  private static func held(_ map: ShardMap) -> [(piece: Piece, offset: Int)] {
    var held: [(piece: Piece, offset: Int)] = []
    for (bucket, slices) in map.slices.enumerated() {
      for piece in map.pieces(ofBucket: bucket) where map.holds(slicesOf: piece.owner) {
        let first = map.stage == .replicas ? 0 : slices[map.rank].lowerBound - map.place(ofBucket: bucket)
        held.append((piece, piece.line.lowerBound - first))
      }
    }
    return held
  }

  /// The bytes of all states of a rule that a rank holds, as `init` lays them out.
  package static func stateBytes(map: ShardMap, rule: any UpdateRule) -> Int {
    let pieces = held(map).map(\.piece)
    return rule.states.reduce(0) { $0 + ShardedState.bytes($1, map: map, held: pieces) }
  }

  /// Reads the master weights that this rank holds.
  package func fillMasters(from reader: any WeightReader) throws {
    guard let masters else { return }
    for holding in map.held {
      try reader.read(holding.line, of: map.layout, on: engine.pool.runTiles) { part, fill in
        try fill(masters.base + holding.offset + part.lowerBound - holding.line.lowerBound)
      }
    }
  }

  /// - Throws: `UserError(.disk)` if the disk under the states has lost some of them.
  package func check() throws {
    try mastersFile?.check()
    for state in states { try state.check() }
  }

  /// Updates everything that this rank holds. Collective.
  /// - Parameters:
  ///   - step: 1 for the first update of the run.
  ///   - gradientNorm: the norm of the whole gradient, before it is scaled.
  ///   - rates: the learning rate of each parameter of the layout, in the place of `learningRate`; nil for that.
  package func step(
    _ step: Int, weights: WeightLine, gradients: GradientSum, gradientScale: Float,
    gradientNorm: Double, learningRate: Double, rates: [Double]? = nil, over ranks: Ranks
  ) {
    if prepared.isEmpty { prepared = stretches(weights: weights, gradients: gradients.memory.base) }
    if let rates {
      for index in prepared.indices { prepared[index].rateFactor = rates[prepared[index].parameter] }
    }
    updates = step
    stream?.begin()
    rule.update(
      prepared, step: step, learningRate: rates == nil ? learningRate : 1, gradientScale: gradientScale,
      gradientNorm: gradientNorm, sums: RankSums(map: map, ranks: ranks), engine: engine
    ) { stretch in
      if let masters {
        let line = held[stretch].piece.line
        engine.narrow(
          masters.base + held[stretch].offset, count: line.count, into: weights.halves + line.lowerBound)
      }
      stream?.finish(stretch: stretch)
    }
  }

  /// The pieces that this rank updates.
  /// - Parameter gradients: the held part of the gradient, `map.heldCount` elements.
  package func stretches(weights: WeightLine, gradients: UnsafePointer<Float>) -> [UpdateStretch] {
    held.enumerated().map { index, held in
      let parameter = map.layout.parameters[held.piece.parameter]
      return UpdateStretch(
        weights: masters.map { $0.base + held.offset } ?? weights.floats + held.piece.line.lowerBound,
        gradients: gradients + held.offset, states: states.map { $0.base(ofPiece: index) },
        count: held.piece.line.count, decays: parameter.spec.decays,
        rateFactor: parameter.spec.rateFactor, weightDecay: parameter.spec.weightDecay,
        parameter: held.piece.parameter, shape: parameter.spec.shape,
        start: held.piece.line.lowerBound - parameter.range.lowerBound,
        phase: held.piece.phase)
    }
  }
}

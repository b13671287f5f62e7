// The update of the slices that this rank owns, and their way back to every replica.
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
  /// One memory a state of the rule, `map.heldCount` elements each.
  package let states: [FlatMemory]
  /// The fp32 weights of what this rank holds, where replicas hold bfloat16.
  package let masters: FlatMemory?
  private let engine: Engine
  /// What this rank holds, cut where a parameter ends.
  private let pieces: [Piece]

  private struct Piece {
    let line: Range<Int>
    /// Where its gradient lies in the held part.
    let offset: Int
    let states: [UnsafeMutablePointer<Float>]
    let decays: Bool
  }

  /// - Parameter type: of the replicas' weights.
  package init(
    map: ShardMap, rule: any UpdateRule, type: ModelType = .float32, engine: Engine, ledger: MemoryLedger?
  ) {
    masters =
      type == .float32 ? nil : FlatMemory(count: map.heldCount, label: "master weights", ledger: ledger)
    self.map = map
    self.rule = rule
    self.engine = engine
    let states = rule.stateNames.map { _ in
      FlatMemory(count: map.heldCount, label: "optimizer states", ledger: ledger)
    }
    self.states = states
    pieces = map.held.flatMap { holding in
      map.layout.pieces(of: holding.line).map { parameter, range in
        let offset = holding.offset + range.lowerBound - holding.line.lowerBound
        return Piece(
          line: range, offset: offset, states: states.map { $0.base + offset },
          decays: parameter.spec.decays)
      }
    }
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

  /// Updates what this rank holds.
  /// - Parameter step: 1 for the first update of the run.
  package func step(
    _ step: Int, weights: WeightLine, gradients: GradientSum, gradientScale: Float,
    learningRate: Double
  ) {
    for piece in pieces {
      rule.update(
        UpdateStretch(
          weights: masters.map { $0.base + piece.offset } ?? weights.floats + piece.line.lowerBound,
          gradients: gradients.memory.base + piece.offset, states: piece.states, count: piece.line.count,
          decays: piece.decays),
        step: step, learningRate: learningRate, gradientScale: gradientScale, engine: engine)
      if let masters {
        engine.narrow(
          masters.base + piece.offset, count: piece.line.count, into: weights.halves + piece.line.lowerBound)
      }
    }
  }

  /// Brings every rank the slices that others have updated.
  package func gather(weights: WeightLine, over ranks: Ranks) {
    if weights.isShared {
      ranks.exchangeBetweenHosts(weights.address, bytes: weights.type.bytes, slices: map.slices)
      ranks.barrierOnHost()
    } else if map.stage != .replicas {
      for slices in map.slices {
        ranks.gatherSlices(weights.address, bytes: weights.type.bytes, slices: slices)
      }
    }
    weights.refreshVectors()
  }
}

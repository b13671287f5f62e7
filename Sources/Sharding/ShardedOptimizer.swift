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
  /// One for each state of the rule.
  package let states: [ShardedState]
  /// What this rank updates, with the place of its gradients.
  private let held: [(piece: Piece, offset: Int)]
  private let engine: Engine

  package init(map: ShardMap, rule: any UpdateRule, engine: Engine, ledger: MemoryLedger?) {
    self.map = map
    self.rule = rule
    self.engine = engine
    var held: [(piece: Piece, offset: Int)] = []
    for (bucket, slices) in map.slices.enumerated() {
      for piece in map.pieces(ofBucket: bucket) where map.holds(slicesOf: piece.owner) {
        let first = map.stage == .replicas ? 0 : slices[map.rank].lowerBound - map.place(ofBucket: bucket)
        held.append((piece, piece.line.lowerBound - first))
      }
    }
    self.held = held
    states = rule.states.map { ShardedState($0, map: map, held: held.map(\.piece), ledger: ledger) }
  }

  /// Updates what this rank holds. Collective.
  /// - Parameters:
  ///   - step: 1 for the first update of the run.
  ///   - gradientNorm: of the whole gradient, before it is scaled.
  package func step(
    _ step: Int, weights: UnsafeMutablePointer<Float>, gradients: GradientSum, gradientScale: Float,
    gradientNorm: Double, learningRate: Double, over ranks: Ranks
  ) {
    rule.update(
      stretches(weights: weights, gradients: gradients.memory.base), step: step, learningRate: learningRate,
      gradientScale: gradientScale, gradientNorm: gradientNorm, sums: RankSums(map: map, ranks: ranks),
      engine: engine)
  }

  /// What this rank updates.
  /// - Parameters:
  ///   - weights: the whole line.
  ///   - gradients: the part held, `map.heldCount` elements.
  package func stretches(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>
  ) -> [UpdateStretch] {
    held.enumerated().map { index, held in
      let parameter = map.layout.parameters[held.piece.parameter]
      return UpdateStretch(
        weights: weights + held.piece.line.lowerBound, gradients: gradients + held.offset,
        states: states.map { $0.base(ofPiece: index) }, count: held.piece.line.count,
        decays: parameter.spec.decays, parameter: held.piece.parameter, shape: parameter.spec.shape,
        start: held.piece.line.lowerBound - parameter.range.lowerBound, phase: held.piece.phase)
    }
  }

  /// Brings every rank the slices that others have updated.
  package func gather(weights: UnsafeMutablePointer<Float>, over ranks: Ranks) {
    guard map.stage == .optimizer else { return }
    for slices in map.slices { ranks.gatherSlices(weights, slices: slices) }
  }
}

// The weights that a run measures and keeps take the place of those that it trains, and give it back.
import Kernels
import Optimizers
import Tensors

extension ShardedOptimizer {
  /// Changes the fp32 weights that this rank holds outside of an update; other ranks get them by `WeightExchange`.
  /// - Parameter body: gets the number of a piece, its range of the line, and its weights.
  package func change(
    _ weights: WeightLine,
    _ body: (_ piece: Int, _ line: Range<Int>, _ w: UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows {
    for (index, held) in held.enumerated() {
      let line = held.piece.line
      let w = masters.map { $0.base + held.offset } ?? weights.floats + line.lowerBound
      try body(index, line, w)
      if masters != nil { engine.narrow(w, count: line.count, into: weights.halves + line.lowerBound) }
    }
  }

  /// Whether the rule has weights to measure that are others than the trained ones.
  package var hasEvaluated: Bool { updates > 0 && rule.evaluated != nil }

  /// Exchanges the trained weights that this rank holds with those that are measured.
  package func swapEvaluated(_ weights: WeightLine) {
    guard hasEvaluated, let evaluated = rule.evaluated else { return }
    let state = states[evaluated.state]
    change(weights) { piece, line, w in
      guard let base = state.base(ofPiece: piece) else {
        preconditionFailure("weights that are measured cover every parameter")
      }
      let other = base.assumingMemoryBound(to: Float.self)
      engine.forEachStretch(line.count) { range in
        forEachVector(in: range) {
          let (a, b) = ($0.load(w), $0.load(other))
          $0.store(b, w)
          $0.store(a, other)
        }
      }
    }
  }
}

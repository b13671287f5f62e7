// When the weights of a run are those that it trains, and when those that it measures and keeps: an average, or x of a
// schedule-free optimizer.
import Kernels
import Sharding
import Tensors

extension TrainStep {
  /// Changes the weights outside of an update. Collective.
  func change(_ body: (_ piece: Int, _ line: Range<Int>, _ w: UnsafeMutablePointer<Float>) throws -> Void)
    rethrows
  {
    exchange.finish()
    // No rank may still read what another one changes.
    ranks.barrier()
    defer {
      exchange.begin()
      exchange.finish()
    }
    try optimizer.change(replica.weights, body)
  }

  /// Has the weights that are measured in their place, or those that are trained. Collective.
  func show(evaluated: Bool) {
    guard evaluated != showsEvaluated else { return }
    showsEvaluated = evaluated
    guard optimizer.hasEvaluated else { return }
    exchange.finish()
    ranks.barrier()
    replica.engine.time("average") { optimizer.swapEvaluated(replica.weights) }
    exchange.begin()
    exchange.finish()
  }

  /// Does something with the weights that are measured and kept. Collective.
  func withEvaluated<T>(_ body: () throws -> T) rethrows -> T {
    let shown = showsEvaluated
    show(evaluated: true)
    defer { show(evaluated: shown) }
    return try body()
  }
}

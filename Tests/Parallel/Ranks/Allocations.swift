// Heap allocations of training steps, counted by a library that is preloaded (Tests/Parallel/Allocations).
import Base
import Datasets
import Foundation
import Kernels
import Models
import Optimizers
import Sharding
import Tensors
import Training

/// What the library beside this has counted so far.
struct AllocationCount {
  private let count: @convention(c) () -> Int

  /// Nil where it is not loaded.
  init?() {
    guard let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "swiftdp_allocations") else {
      return nil
    }
    count = unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
  }

  func callAsFunction() -> Int { count() }
}

/// At most so many a step, whatever the model, the micro-batches and the ranks: the arrays of the step's
/// sequences and of its micro-batches.
private let allowed = 4

/// A step after the second allocates next to nothing, with few and with many micro-batches, layers and buckets. Fails
/// if there is an allocation per micro-batch, layer, operation or bucket. The counter itself is checked with one
/// allocation more than is allowed.
func checkAllocations(_ outcome: inout Outcome, model: String) throws {
  guard let count = AllocationCount() else {
    return outcome.expect(false, "the counting library is not loaded")
  }
  let rows = (0..<23).map { (tokens: 40, targets: 39 - $0) }
  let run = try SmallRun(outcome.ranks, model: model, rows: rows, threads: 2)
  for (batchSize, microBatchSize) in [(2, 1), (21, 1), (16, 3)] {
    for stage in ZeroStage.allCases {
      let map = ShardMap(layout: run.layout, stage: stage, rank: run.ranks.rank, ranks: run.ranks.count)
      let engine = run.replica.engine
      let step = TrainStep(
        replica: run.replica,
        gradients: GradientSum(
          map: map, ranks: run.ranks, engine: engine, room: run.replica.gradientRoom, ledger: nil),
        optimizer: try ShardedOptimizer(map: map, rule: AdamW(), engine: engine, ledger: nil),
        schedule: Schedule(shape: .constant, peak: 1e-3, warmupSteps: 0, finalRatio: 1, steps: 9),
        ranks: run.ranks, sequences: run.rows, mask: .none, seed: 0, gradientClip: 1,
        // Audits are drawn, but hardly ever done.
        auditShare: 1e-15)
      var stream = BatchStream(
        count: run.rows.count, batchSize: batchSize, microBatchSize: microBatchSize, seed: 1, shuffle: false)
      for number in 1...6 {
        let before = count()
        let report = try step.run(number, stream.microBatches(step: number - 1))
        let made = count() - before
        outcome.expect(report.loss?.isFinite == true, "step \(number) has no loss")
        guard number > 2 else { continue }
        let what = "\(batchSize) by \(microBatchSize), ZeRO \(stage.rawValue), step \(number)"
        outcome.expect(made <= allowed, "\(what): \(made) allocations, where \(allowed) may be")
      }
    }
  }
  let before = count()
  let kept = (0...allowed).map { [Int](repeating: $0, count: outcome.ranks.count) }
  outcome.expect(count() - before > kept.count, "allocations are not counted")
}

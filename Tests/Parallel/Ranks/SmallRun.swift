// A small model, rows of chosen lengths, and one optimizer step over real ranks beside one big batch.
import Base
import Collectives
import Datasets
import Kernels
import Models
import Optimizers
import Reference
import Sharding
import Tensors
import Training

/// A replica with random weights and rows that differ in how many of their tokens are targets.
final class SmallRun {
  let ranks: Ranks
  let replica: Replica
  let rows: TokenSequences

  /// - Parameter lengths: for each row, its tokens and its targets.
  init(
    _ ranks: Ranks, model: String, rows lengths: [(tokens: Int, targets: Int)], threads: Int = 1
  ) throws {
    self.ranks = ranks
    replica = Replica(
      try ModelDescription(folder: model), engine: try Engine(threads: threads),
      holds: GradientSum.holds(ranks: ranks.count))
    try replica.fill(from: RandomWeights(replica.layout, seed: 5))
    var rows = TokenSequences(files: ["rows"])
    var draw = Draw(1, seed: 8)
    for (line, row) in lengths.enumerated() {
      let tokens = draw.integers(row.tokens, below: replica.description.family.vocabulary)
      rows.append(
        tokens[...], firstTarget: row.tokens - row.targets, source: SampleSource(file: 0, line: line + 1))
    }
    self.rows = rows
    precondition(rows.targetCounts.map(Int.init) == lengths.map(\.targets), "rows are not what was meant")
  }

  var layout: ParameterLayout { replica.layout }
  var weights: [Float] { Array(UnsafeBufferPointer(start: replica.weights.floats, count: layout.count)) }

  /// The sum of losses and the gradient of some rows as one batch on this rank alone.
  func whole(
    _ sequences: [Int], dividedBy targets: Int? = nil, mask: PackingMask = .none
  ) -> (loss: Double, gradient: [Float]) {
    let batch = rows.batch(MicroBatch(sequences: sequences, firstSample: 0), mask: mask)
    var gradient = [Float](repeating: .nan, count: layout.trainedCount)
    let loss = replica.train(
      batch, dividedBy: targets ?? batch.targetCount, seed: 0, step: 1,
      whenFinal: { segment, values in
        let range = layout.segments[segment].range
        gradient.replaceSubrange(range, with: UnsafeBufferPointer(start: values, count: range.count))
      })
    return (loss, gradient)
  }

  /// A step over all ranks: its report, and the whole summed gradient.
  func step(
    _ number: Int = 1, rows sequences: [Int], microBatchSize: Int = 1, stage: ZeroStage = .optimizer,
    clip: Double = 0, rule: AdamW = AdamW(), rate: Double = 0, exact: Bool = true, context: Int = 1,
    mask: PackingMask = .none
  ) throws -> (report: StepReport, gradient: [Float], states: [[Float]]) {
    let map = ShardMap(layout: layout, stage: stage, rank: ranks.rank, ranks: ranks.count)
    let gradients = GradientSum(
      map: map, ranks: ranks, engine: replica.engine, room: replica.gradientRoom, exact: exact, ledger: nil)
    let optimizer = try ShardedOptimizer(map: map, rule: rule, engine: replica.engine, ledger: nil)
    let step = TrainStep(
      replica: replica, gradients: gradients, optimizer: optimizer,
      schedule: Schedule(shape: .constant, peak: rate, warmupSteps: 0, finalRatio: 1, steps: 9), ranks: ranks,
      sequences: rows, mask: mask, seed: 0, gradientClip: clip,
      context: context == 1
        ? nil
        : try ContextRun(
          replica, chunks: context, sequences: microBatchSize, length: rows.longestRow, ranks: ranks))
    let report = try step.run(number, MicroBatch.cut(sequences, size: microBatchSize))
    let states = optimizer.states.map { state in
      let values = state.parts.flatMap { part in
        state.bytes(of: part).assumingMemoryBound(to: Float.self)
      }
      return values.withUnsafeBufferPointer { gathered($0.baseAddress!, map) }
    }
    return (report, gathered(gradients.memory.base, map), states)
  }

  /// The parts of a line that the ranks hold, on every rank.
  private func gathered(_ memory: UnsafePointer<Float>, _ map: ShardMap) -> [Float] {
    let mine = map.held.flatMap { holding in
      (0..<holding.line.count).flatMap {
        [Double(holding.line.lowerBound + $0), Double(memory[holding.offset + $0])]
      }
    }
    var line = [Float](repeating: .nan, count: layout.trainedCount)
    for part in ranks.gather(mine) {
      for index in stride(from: 0, to: part.count, by: 2) { line[Int(part[index])] = Float(part[index + 1]) }
    }
    return line
  }
}

func norm(_ values: [Float]) -> Double {
  values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// ‖a − b‖ / ‖b‖; infinite where the counts differ or anything is NaN.
func relativeError(_ a: [Float], _ b: [Float]) -> Double {
  guard a.count == b.count else { return .infinity }
  let error = zip(a, b).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
  let relative = error.squareRoot() / max(norm(b), 1e-300)
  return relative.isNaN ? .infinity : relative
}

// The validation loss over ranks and batches of any size.
import Base
import Datasets
import Training

/// Every validation sample counts once, whatever the batches. Fails if batch means are averaged, if the last uneven
/// batch is dropped, or if ranks are filled up with samples that then count twice.
func checkValidation(_ outcome: inout Outcome, model: String) throws {
  let run = try SmallRun(
    outcome.ranks, model: model,
    rows: [(40, 1), (25, 24), (8, 0), (60, 59), (9, 8), (3, 2), (80, 70), (2, 1), (5, 1), (7, 3), (31, 30)])
  let single = (0..<run.rows.count).map {
    run.replica.loss(run.rows.batch(MicroBatch(sequences: [$0], firstSample: 0), mask: .none))
  }
  let counts = run.rows.targetCounts.map { Double($0) }
  let want = single.reduce(0, +) / counts.reduce(0, +)
  let means = zip(single, counts).filter { $0.1 > 0 }.map { $0.0 / $0.1 }
  outcome.expect(abs(means.reduce(0, +) / Double(means.count) / want - 1) > 1e-3, "a mean of means hides")
  let dropped = single.dropLast().reduce(0, +) / counts.dropLast().reduce(0, +)
  outcome.expect(abs(dropped / want - 1) > 1e-4, "a sample that is dropped hides")
  let again = (single + [single[0]]).reduce(0, +) / (counts + [counts[0]]).reduce(0, +)
  outcome.expect(abs(again / want - 1) > 1e-5, "a sample that counts twice hides")

  let alone = outcome.ranks.first(1)
  for size in 1...12 {
    let result = try evaluate(
      run.rows, replica: run.replica, ranks: outcome.ranks, microBatchSize: size, mask: .none)
    outcome.expect(abs((result.loss ?? .nan) / want - 1) <= 1e-6, "micro-batches of \(size): \(result)")
    outcome.expect(result.sums.units == 199 && result.tokens == 270, "micro-batches of \(size): \(result)")
    var mine: [Double] = []
    if let alone {
      mine = [
        try evaluate(run.rows, replica: run.replica, ranks: alone, microBatchSize: size, mask: .none).sums
          .loss
      ]
    }
    let one = outcome.ranks.gather(mine).flatMap { $0 }[0]
    outcome.expect(one.bitPattern == result.sums.loss.bitPattern, "micro-batches of \(size): other bits")
  }
  alone?.finish()
}

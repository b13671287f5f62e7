// Different arrangements of the same steps that must give the same bits.
import Graph
import Sharding

/// One way to arrange a run.
package struct Arrangement: Sendable {
  package var name: String
  package var ranks: Int
  package var threads: Int
  package var zero: ZeroStage
  package var recompute: Recompute
  /// Stops after this step, and resumes with another number of ranks.
  package var stop: (step: Int, ranks: Int)?

  /// The arrangements that `verify` tries with this many ranks, the reference first.
  /// - Parameter context: the chunks of a sequence, which bound the numbers of ranks.
  package static func all(ranks: Int, steps: Int, context: Int = 1) -> [Arrangement] {
    var list: [Arrangement] = []
    func add(
      _ name: String, ranks: Int, threads: Int = 1, zero: ZeroStage = .optimizer,
      recompute: Recompute = .none, stop: (step: Int, ranks: Int)? = nil
    ) {
      list.append(
        Arrangement(
          name: name, ranks: ranks, threads: threads, zero: zero, recompute: recompute, stop: stop))
    }
    add("1 rank", ranks: 1)
    add("1 rank × 2 threads", ranks: 1, threads: 2)
    add("1 rank × 3 threads", ranks: 1, threads: 3)
    add("1 rank, layers computed again", ranks: 1, recompute: .layer)
    // Other rank counts split the accumulation differently: the micro-batches stay the same.
    func fits(_ count: Int) -> Bool { count % context == 0 || context % count == 0 }
    let counts = Set([2, 3, ranks / 2, ranks - 1, ranks].filter { $0 > 1 && $0 <= ranks && fits($0) })
      .sorted()
    for count in counts { add("\(count) ranks", ranks: count) }
    for stage in ZeroStage.allCases where stage != .optimizer {
      add("\(ranks) rank\(ranks == 1 ? "" : "s"), ZeRO \(stage.rawValue)", ranks: ranks, zero: stage)
    }
    let half = max(steps / 2, 1)
    let fewer = (1..<max(ranks, 2)).last { fits($0) } ?? 1
    add("stopped at \(half), \(ranks) to \(fewer) ranks", ranks: ranks, stop: (half, fewer))
    return list
  }
}

// swiftdp bench collectives
import ArgumentParser
import Base
import Collectives
import Sharding
import Tensors

struct BenchCollectives: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "collectives",
    abstract: "The exchange of gradients and weights between ranks, against memory copy.",
    discussion: """
      Bytes are those that all ranks read and write when each number moves once: across hosts, compare with
      the network instead. Example: mpirun -np 4 swiftdp bench collectives --megabytes 1 64
      """)

  @Option(parsing: .upToNextOption, help: "Sizes of the line of fp32 numbers, in MB.")
  var megabytes = [1, 16, 128]
  @OptionGroup var options: BenchOptions

  func validate() throws {
    for size in megabytes { try check("--megabytes", size, in: 1...1 << 16) }
  }

  func run() throws {
    try onRanks { ranks in
      let session = try BenchSession(options, ranks)
      try session.report(
        "collectives", notes: ranks.count == 1 ? ["one rank has nothing to exchange"] : [],
        limits: { [(.copy, MachinePeak.copy(session.engine.pool, ranks))] },
        rows: { ranks.count == 1 ? [] : try megabytes.flatMap { try measure($0, session) } })
    }
  }

  /// The line cut as training cuts it: buckets, and of each a slice a rank.
  private func measure(_ megabytes: Int, _ session: BenchSession) throws -> [BenchRow] {
    let ranks = session.ranks
    let count = megabytes * 250_000
    let layout = ParameterLayout(specs: [
      ParameterSpec(name: "line", shape: [count], decays: true, initial: .zeros)
    ])
    let map = ShardMap(layout: layout, stage: .optimizer, rank: ranks.rank, ranks: ranks.count)
    let sum = GradientSum(map: map, ranks: ranks, engine: session.engine, room: count, ledger: nil)
    let line = sum.gradients
    line.update(repeating: 1, count: count)
    let bytes = Double(count * MemoryLayout<Float>.size)
    let all = bytes * Double(ranks.count)

    func row(_ name: String, work: Double, _ body: () -> Void) throws -> BenchRow {
      BenchRow(
        name: name, sizes: [("MB", megabytes)],
        seconds: try session.seconds(shortest: 0.01) { _ in body() }, work: work, limit: .copy)
    }
    return [
      // The owners read every part and write the sum.
      try row("GradientSum.add (reduce-scatter)", work: all + bytes) {
        sum.sum(microBatches: ranks.count) { _ in
          for segment in layout.segments.indices {
            sum.add(segment: segment, line + layout.segments[segment].range.lowerBound)
          }
        }
      },
      // A rank's own slice is there already.
      try row("gatherSlices (allgather)", work: 2 * (all - bytes)) {
        for slices in map.slices {
          ranks.gatherSlices({ UnsafeMutableRawPointer(line + $0) }, bytes: 4, slices: slices)
        }
      },
    ]
  }
}

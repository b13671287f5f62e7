// swiftdp bench collectives
import ArgumentParser
import Base
import Collectives
import Sharding
import Tensors

struct BenchCollectives: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "collectives",
    abstract: "The exchange of gradients and weights between ranks, against memory copy or the network.",
    discussion: """
      On one host, bytes are those that all ranks read and write when each number moves once. On several, bytes
      are those that the busiest host sends or receives, and the limit is what plain messages reach: one rank of
      each host sends to the next host and receives from the one before. MPI_Allreduce, which sums in an order of
      its own, stands beside for comparison. Example: mpirun -np 4 swiftdp bench collectives --megabytes 1 64
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
        limits: {
          [
            ranks.hosts == 1
              ? (.copy, MachinePeak.copy(session.engine.pool, ranks)) : (.link, MachinePeak.link(ranks))
          ]
        },
        rows: { ranks.count == 1 ? [] : try megabytes.flatMap { try measure($0, session) } })
    }
  }

  /// The line, cut as training cuts it: into buckets, and each bucket into one slice per rank.
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
    let isOneHost = ranks.hosts == 1
    // The share of the line that ranks of other hosts own, and the bytes that come to a host for each of its ranks.
    let elsewhere = ranks.hostMembers.values.map { 1 - Double($0.count) / Double(ranks.count) }.max() ?? 0
    let mostRanks = Double(ranks.hostMembers.values.map(\.count).max() ?? 1)

    func row(_ name: String, work: Double, _ body: () -> Void) throws -> BenchRow {
      BenchRow(
        name: name, sizes: [("MB", megabytes)],
        seconds: try session.seconds(shortest: 0.01) { _ in body() }, work: work,
        limit: isOneHost ? .copy : .link)
    }
    let weights =
      (isOneHost ? nil : WeightLine.onHost(layout, type: .float32, ranks: ranks))
      ?? WeightLine(layout, type: .float32)
    let exchange = WeightExchange(map: map, weights: weights, ranks: ranks)
    func gather() {
      exchange.begin()
      exchange.finish()
    }
    return [
      // The owners read every part and write the sum; each rank sends the parts that others own.
      try row(
        "GradientSum.add (reduce-scatter)", work: isOneHost ? all + bytes : bytes * mostRanks * elsewhere
      ) {
        sum.sum(microBatches: ranks.count) { _ in
          for segment in layout.segments.indices {
            sum.add(segment: segment, line + layout.segments[segment].range.lowerBound)
          }
        }
      },
      // A rank's own slice is there already. Each host holds the weights once, and receives what others own once.
      isOneHost
        ? try row("gatherSlices (allgather)", work: 2 * (all - bytes), gather)
        : try row("WeightExchange (allgather)", work: bytes * elsewhere, gather),
      // Both run at once, so they are compared with the bytes that both of them move at least.
      try row("MPI_Allreduce", work: isOneHost ? 3 * all - bytes : 2 * bytes * elsewhere) {
        ranks.addInAnyOrder(line, count: count)
      },
    ]
  }
}

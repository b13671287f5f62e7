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
    guard !megabytes.isEmpty, megabytes.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw ValidationError("--megabytes must be from 1 to 65536")
    }
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
    // Calls walk through copies that no cache holds, as a step walks through the whole model.
    let copies = max(KernelCase.coldCount / count, 1)
    let lines = FlatMemory(count: count * copies, label: "bench")
    lines.base.update(repeating: 1, count: lines.count)
    let widest = map.slices.map { $0[map.rank].count }.max() ?? 0
    let parts = FlatMemory(count: widest * ranks.count, label: "bench")
    let sum = GradientSum(map: map, ranks: ranks, engine: session.engine, ledger: nil)
    let bytes = Double(count * MemoryLayout<Float>.size)
    let all = bytes * Double(ranks.count)

    func row(_ name: String, work: Double, _ body: (_ line: UnsafeMutablePointer<Float>) -> Void) throws
      -> BenchRow
    {
      BenchRow(
        name: name, sizes: [("MB", megabytes)],
        seconds: try session.seconds(shortest: 0.01) { body(lines.base + $0 % copies * count) }, work: work,
        limit: .copy)
    }
    return [
      try row("exchangeSlices", work: 2 * all) { line in
        for slices in map.slices {
          ranks.exchangeSlices(line, slices: slices, senders: ranks.count, into: parts.base)
        }
      },
      // The owners read every part once more and write the sum.
      try row("GradientSum.add (reduce-scatter)", work: 3 * all + bytes) { line in
        sum.begin()
        sum.beginRound(senders: ranks.count, isLast: true)
        for segment in layout.segments.indices { sum.add(segment: segment, line) }
      },
      // A rank's own slice is there already.
      try row("gatherSlices (allgather)", work: 2 * (all - bytes)) { line in
        for slices in map.slices { ranks.gatherSlices(line, slices: slices) }
      },
    ]
  }
}

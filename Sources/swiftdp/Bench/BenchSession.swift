// What all benches with a table share: their options, and the clock that times all ranks.
import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels

struct BenchOptions: ParsableArguments {
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?
  @Option(help: "Repetitions that are measured.")
  var repetitions = 5
  @Option(help: "Repetitions before those.")
  var warmUp = 1
  @Flag(help: "One JSON object instead of words.")
  var json = false

  func validate() throws {
    try check(threads: threads)
    try check("--repetitions", repetitions, in: 1...Int.max)
    try check("--warm-up", warmUp, in: 1...Int.max)
  }
}

/// One bench on all ranks at once.
struct BenchSession {
  let ranks: Ranks
  let engine: Engine
  private let options: BenchOptions

  /// Collective.
  init(_ options: BenchOptions, _ ranks: Ranks) throws {
    self.options = options
    self.ranks = ranks
    let threads = Launch.threads(ranks, asked: options.threads)
    engine = try ranks.together { try Engine(threads: threads) }
  }

  /// The seconds of one call of `body`, ascending; the slowest rank counts in each repetition. Collective.
  /// - Parameters:
  ///   - shortest: each repetition makes enough calls to last this many seconds.
  ///   - prepare: runs before each repetition, untimed.
  func seconds(
    shortest: Double = 0, prepare: () throws -> Void = {}, _ body: (_ call: Int) throws -> Void
  ) throws -> [Double] {
    var call = 0
    func repetition(calls: Int) throws -> Double {
      try prepare()
      ranks.barrier()
      let start = Date()
      for _ in 0..<calls {
        try body(call)
        call += 1
      }
      let seconds = Date().timeIntervalSince(start)
      return (ranks.gather([seconds]).map { $0[0] }.max() ?? seconds) / Double(calls)
    }
    var calls = 1
    for _ in 0..<options.warmUp {
      let seconds = try repetition(calls: calls)
      calls = min(max(Int((shortest / max(seconds, 1e-7)).rounded(.up)), 1), 100_000)
    }
    return try (0..<options.repetitions).map { _ in try repetition(calls: calls) }.sorted()
  }

  /// Measures limits, then rows, then the limits again, and prints the table. The higher of two limits counts, as
  /// disturbances only lower it. Collective.
  func report(
    _ bench: String, notes: [String] = [], limits: () throws -> [(limit: BenchLimit, rate: Double)],
    rows: () throws -> [BenchRow]
  ) throws {
    let before = try limits()
    let rows = try rows()
    let after = try limits()
    guard ranks.isFirst else { return }
    let table = BenchTable(
      bench: bench, cores: Launch.cores, ranks: ranks.count, hosts: ranks.hosts, threads: engine.pool.threads,
      kernelName: engine.blas.kernelName,
      limits: zip(before, after).map { ($0.limit, max($0.rate, $1.rate)) }, rows: rows, notes: notes)
    print(options.json ? table.json.encoded() : table.text)
  }
}

// The limit that the bench compares with: this machine's own matrix products, all ranks at once.
import Collectives
import Foundation
import Kernels
import Tensors

enum MachinePeak {
  /// Operations per second of the products of all ranks, for a shape that suits the library best.
  /// Every thread multiplies its own matrices, so that neither tiles nor waiting count. The best of some short runs
  /// counts, as interruptions only slow it down.
  static func products(_ engine: Engine, _ ranks: Ranks, type: ElementType) -> Double {
    productRates(engine, ranks, type: type).max() ?? 0
  }

  /// The rate of each short run.
  static func productRates(_ engine: Engine, _ ranks: Ranks, type: ElementType, runs: Int = 6) -> [Double] {
    let (m, n, k) = (512, 1024, 768)
    let threads = engine.pool.threads
    let single = (0..<threads).map { _ in FlatMemory(count: m * k + k * n + m * n, label: "bench") }
    for memory in single { for index in 0..<m * k + k * n { memory.base[index] = 1 } }
    if type == .bfloat16 { _ = engine.halves }
    return (0..<runs).map { _ in
      ranks.barrier()
      let repetitions = 24
      let start = Date()
      engine.pool.run(threads) { thread, _ in
        let a = single[thread].base
        for _ in 0..<repetitions {
          let c = MutableMatrix(a + m * k + k * n, rows: m, columns: n)
          switch type {
          case .float32:
            engine.multiplyHere(
              ConstMatrix(a, rows: m, columns: k), ConstMatrix(a + m * k, rows: k, columns: n), into: c)
          case .bfloat16:
            // Any bits will do.
            let a = UnsafeMutableRawPointer(a).assumingMemoryBound(to: BFloat16.self)
            engine.multiplyHere(
              HalfMatrix(a, rows: m, columns: k), HalfMatrix(a + m * k, rows: k, columns: n), into: c,
              worker: thread)
          }
        }
      }
      let seconds = Date().timeIntervalSince(start)
      let rate = Double(2 * m * n * k * repetitions * threads) / seconds
      return ranks.gather([rate]).reduce(0) { $0 + $1[0] }
    }
  }

  /// Bytes per second that a host sends, or receives, while one rank of every host sends to the next host and
  /// receives from the one before; the best of some messages.
  static func link(_ ranks: Ranks) -> Double {
    let hosts = ranks.hostMembers.keys.sorted()
    let place = hosts.firstIndex(of: ranks.rank)
    let count = 4 << 20
    let memory = FlatMemory(count: 2 * count, label: "bench")
    let transfers = ranks.transfers()
    var best = 0.0
    for _ in 0..<4 {
      ranks.barrier()
      let start = Date()
      if let place {
        transfers.receive(
          memory.base, count: 4 * count, from: hosts[(place + hosts.count - 1) % hosts.count], tag: 0)
        transfers.send(
          memory.base + count, count: 4 * count, to: hosts[(place + 1) % hosts.count], tag: 0)
        transfers.wait()
      }
      let slowest = ranks.gather([Date().timeIntervalSince(start)]).map { $0[0] }.max() ?? 1
      best = max(best, Double(4 * count) / slowest)
    }
    return best
  }

  /// Bytes per second read and written when every thread of all ranks copies its own memory, which no cache holds;
  /// the best of some short runs.
  static func copy(_ pool: WorkerPool, _ ranks: Ranks) -> Double {
    copyRates(pool, ranks).max() ?? 0
  }

  /// The rate of each short run.
  static func copyRates(_ pool: WorkerPool, _ ranks: Ranks) -> [Double] {
    let count = 16 << 20
    let single = (0..<pool.threads).map { _ in FlatMemory(count: 2 * count, label: "bench") }
    // Pages that were never written all map to the same zero page.
    pool.run(pool.threads) { thread, _ in single[thread].base.update(repeating: 1, count: 2 * count) }
    return (0..<24).map { _ in
      ranks.barrier()
      let repetitions = 2
      let start = Date()
      pool.run(pool.threads) { thread, _ in
        let base = single[thread].base
        for _ in 0..<repetitions { (base + count).update(from: base, count: count) }
      }
      let seconds = Date().timeIntervalSince(start)
      let rate = Double(2 * count * MemoryLayout<Float>.size * repetitions * pool.threads) / seconds
      return ranks.gather([rate]).reduce(0) { $0 + $1[0] }
    }
  }
}

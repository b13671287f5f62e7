// The worker pool: every tile once, whatever the numbers of tiles and rounds, and pools that end.
import Foundation
import Kernels
import Synchronization
import Testing

@Suite struct WorkerPoolTests {
  /// How often each tile ran; a tile's count is touched by its own worker only, unless the pool is wrong.
  private func counts(_ pool: WorkerPool, tiles: Int) -> [Int32] {
    let memory = UnsafeMutablePointer<Int32>.allocate(capacity: max(tiles, 1))
    defer { memory.deallocate() }
    memory.initialize(repeating: 0, count: max(tiles, 1))
    let strangers = Atomic<Int>(0)
    pool.run(tiles) { tile, worker in
      if tile < 0 || tile >= tiles || worker < 0 || worker >= pool.threads {
        strangers.add(1, ordering: .relaxed)
      } else {
        memory[tile] += 1
      }
    }
    #expect(strangers.load(ordering: .relaxed) == 0)
    return (0..<tiles).map { memory[$0] }
  }

  @Test(arguments: [1, 2, 3, 7]) func everyTileRunsOnce(threads: Int) throws {
    let pool = try WorkerPool(threads: threads)
    var ran = 0
    for tiles in [0, 1, 2, 3, 4, 7, 8, 100, 10_000] {
      #expect(counts(pool, tiles: tiles) == [Int32](repeating: 1, count: tiles))
      ran += 1
    }
    #expect(ran == 9)
  }

  @Test func manyRounds() throws {
    let pool = try WorkerPool(threads: 3)
    var total = 0
    let sum = Atomic<Int>(0)
    for round in 0..<3000 {
      let tiles = round % 6
      pool.run(tiles) { tile, _ in sum.add(tile + 1, ordering: .relaxed) }
      total += tiles * (tiles + 1) / 2
    }
    #expect(sum.load(ordering: .relaxed) == total)
  }

  @Test func roundsAfterASleep() throws {
    // Workers stop looking for work after some microseconds, and must be woken.
    let pool = try WorkerPool(threads: 3)
    var ran = 0
    for _ in 0..<20 {
      Thread.sleep(forTimeInterval: 0.003)
      #expect(counts(pool, tiles: 10) == [Int32](repeating: 1, count: 10))
      ran += 1
    }
    #expect(ran == 20)
  }

  @Test func resultsAreThereWhenRunReturns() throws {
    let pool = try WorkerPool(threads: 3)
    var seen = 0
    for round in 1...300 {
      var numbers = [Int](repeating: 0, count: 64)
      numbers.withUnsafeMutableBufferPointer { numbers in
        nonisolated(unsafe) let target = numbers
        pool.run(64) { tile, _ in target[tile] = tile * round }
      }
      if numbers == (0..<64).map({ $0 * round }) { seen += 1 }
    }
    #expect(seen == 300)
  }

  @Test func everyThreadPreparesOnceBeforeTheFirstTile() throws {
    var ran = 0
    for threads in 1...7 {
      let prepared = Mutex<[UInt: Int]>([:])
      let unprepared = Atomic<Int>(0)
      let pool = try WorkerPool(threads: threads) {
        Thread.sleep(forTimeInterval: 0.002)
        prepared.withLock { $0[UInt(pthread_self()), default: 0] += 1 }
      }
      #expect(prepared.withLock { $0.count } == threads)
      pool.run(100) { _, _ in
        if prepared.withLock({ $0[UInt(pthread_self())] }) != 1 { unprepared.add(1, ordering: .relaxed) }
      }
      #expect(unprepared.load(ordering: .relaxed) == 0)
      ran += 1
    }
    #expect(ran == 7)
  }

  @Test func objectsOfThreadsEndWithThem() throws {
    final class Counted: Sendable {
      let alive: Counter
      init(_ alive: Counter) {
        self.alive = alive
        alive.value.add(1, ordering: .relaxed)
      }
      deinit { alive.value.subtract(1, ordering: .relaxed) }
    }
    final class Counter: Sendable { let value = Atomic<Int>(0) }
    let alive = Counter()
    let owned = ThreadOwned { Counted(alive) }
    do {
      let pool = try WorkerPool(threads: 4) { _ = owned.ofThread }
      #expect(alive.value.load(ordering: .relaxed) == 4)
      #expect(counts(pool, tiles: 5) == [1, 1, 1, 1, 1])
    }
    // The object of this thread stays: it has not ended. The others are told to leave, which takes a moment.
    let end = Date() + 30
    while alive.value.load(ordering: .relaxed) != 1, Date() < end { Thread.sleep(forTimeInterval: 0.001) }
    #expect(alive.value.load(ordering: .relaxed) == 1)
  }

  @Test func poolsEnd() throws {
    // A pool is freed with its last use, which is when its threads are told to leave.
    var ended = 0
    for round in 0..<100 {
      weak var gone: WorkerPool?
      do {
        let pool = try WorkerPool(threads: 1 + round % 4)
        gone = pool
        if round % 2 == 0 { #expect(counts(pool, tiles: 5) == [1, 1, 1, 1, 1]) }
      }
      if gone == nil { ended += 1 }
    }
    #expect(ended == 100)
  }
}

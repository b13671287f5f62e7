// The threads of a rank. Work is cut into tiles by shape alone. Any thread may compute any tile, but what it computes
// does not depend on that.
import Base
import CProcessor
import Foundation
import Synchronization

/// A fixed team of threads that share numbered tiles of work. One caller at a time.
package final class WorkerPool: Sendable {
  /// The number of threads that work, including the caller's.
  package let threads: Int
  private let team: Team
  private let interlude = Interlude()

  /// What the caller's thread does after each of its tiles, which must not use the pool; nil for nothing.
  package var betweenTiles: (() -> Void)? {
    get { interlude.body }
    set { interlude.body = newValue }
  }

  /// - Parameters:
  ///   - stack: the bytes of the stack of each thread but the caller's.
  ///   - prepare: what each thread, the caller's too, does once before the first tile. Which of them gets a tile is left
  ///     to chance, so that what a thread needs for one must not wait for it.
  /// - Throws: `UserError` if the system starts no more threads.
  package init(threads: Int, stack: Int = 4 << 20, prepare: @escaping @Sendable () -> Void = {}) throws {
    precondition(threads >= 1, "a pool has at least the caller's thread")
    self.threads = threads
    team = try Team(helpers: threads - 1, stack: stack, prepare: prepare)
    prepare()
  }

  deinit { team.dismiss() }

  /// Runs `body(tile, worker)` for every tile in `0..<tiles`; workers are numbered `0..<threads`.
  package func run(_ tiles: Int, _ body: (_ tile: Int, _ worker: Int) -> Void) {
    if threads == 1 || tiles <= 1 {
      for tile in 0..<tiles {
        body(tile, 0)
        interlude.body?()
      }
    } else {
      team.run(tiles, body, interlude)
    }
  }
}

/// Used by the caller's thread only.
private final class Interlude: @unchecked Sendable {
  var body: (() -> Void)?
}

/// A closure that does not escape, as its two words, code and context. `withoutActuallyEscaping` would box it on the
/// heap, and a step calls the pool thousands of times.
///
/// A function that takes such a closure takes its two words, neither retained nor released: the casts below call
/// a function by its other type. They cast structs, since a bare function is boxed where it is a generic value.
private struct Body {
  private let code: UnsafeRawPointer
  private let context: UnsafeRawPointer?

  private struct FromClosure: @unchecked Sendable {
    let call: (_ body: (Int, Int) -> Void, _ use: (Body) -> Void) -> Void
  }
  private struct FromWords {
    let call: (_ body: Body, _ use: (Body) -> Void) -> Void
  }
  private struct RunClosure {
    let call: (_ body: (Int, Int) -> Void, _ tile: Int, _ worker: Int) -> Void
  }
  private struct RunWords: @unchecked Sendable {
    let call: (_ body: Body, _ tile: Int, _ worker: Int) -> Void
  }

  private static let words = unsafeBitCast(FromWords { $1($0) }, to: FromClosure.self)
  private static let run = unsafeBitCast(RunClosure { $0($1, $2) }, to: RunWords.self)

  /// Calls `use` with the words of `body`, which must be forgotten when it returns.
  static func with(_ body: (_ tile: Int, _ worker: Int) -> Void, _ use: (Body) -> Void) {
    words.call(body, use)
  }

  func callAsFunction(_ tile: Int, _ worker: Int) { Self.run.call(self, tile, worker) }
}

extension WorkerPool {
  /// `run` for callers that need no worker number.
  package func runTiles(_ tiles: Int, _ body: @escaping (_ tile: Int) -> Void) {
    run(tiles) { tile, _ in body(tile) }
  }
}

/// The threads beside the caller's and what they share with it. They hold the team, never the pool, so that the end
/// of the pool ends them.
private final class Team: @unchecked Sendable {
  private let helpers: Int
  private var body: Body?
  private var tiles = 0
  private let nextTile = Atomic<Int>(0)
  private let round = Atomic<Int>(0)
  private let busy = Atomic<Int>(0)
  private let leaving = Atomic<Bool>(false)
  private let wake = NSCondition()
  private var sleeping = 0

  init(helpers: Int, stack: Int, prepare: @escaping @Sendable () -> Void) throws {
    self.helpers = helpers
    busy.store(helpers, ordering: .relaxed)
    for worker in 0..<helpers {
      do {
        try SystemThread.start("swiftdp \(worker + 1)", stack: stack) { [self] in
          prepare()
          serve(worker + 1)
        }
      } catch {
        dismiss()
        throw error
      }
    }
    // Every helper has started and is waiting before the first round.
    while busy.load(ordering: .acquiring) != 0 { sched_yield() }
  }

  /// The last round: helpers leave.
  func dismiss() {
    leaving.store(true, ordering: .relaxed)
    announce()
  }

  func run(_ tiles: Int, _ body: (_ tile: Int, _ worker: Int) -> Void, _ interlude: Interlude) {
    Body.with(body) { body in
      self.body = body
      self.tiles = tiles
      nextTile.store(0, ordering: .relaxed)
      busy.store(helpers, ordering: .relaxed)
      announce()
      work(0, interlude)
      var waits = 0
      while busy.load(ordering: .acquiring) != 0 {
        // If there are more threads than cores, the thread that this one waits for may need this core.
        waits += 1
        if waits < 4000 { swiftdp_pause() } else { sched_yield() }
      }
      self.body = nil
    }
  }

  private func announce() {
    round.add(1, ordering: .releasing)
    wake.lock()
    if sleeping > 0 { wake.broadcast() }
    wake.unlock()
  }

  private func work(_ worker: Int, _ interlude: Interlude? = nil) {
    guard let body else { return }
    let tiles = tiles
    while true {
      let tile = nextTile.add(1, ordering: .relaxed).oldValue
      if tile >= tiles { return }
      body(tile, worker)
      interlude?.body?()
    }
  }

  private func serve(_ worker: Int) {
    var seen = round.load(ordering: .acquiring)
    busy.subtract(1, ordering: .releasing)
    // If another helper could not be started, the last round may have been announced already.
    if leaving.load(ordering: .relaxed) { return }
    while true {
      waitForRound(after: seen)
      seen += 1
      if leaving.load(ordering: .relaxed) { return }
      work(worker)
      busy.subtract(1, ordering: .releasing)
    }
  }

  /// Looks for the next round for some microseconds, since one tile's work soon follows another, and then sleeps.
  private func waitForRound(after seen: Int) {
    for _ in 0..<4000 {
      if round.load(ordering: .acquiring) != seen { return }
      swiftdp_pause()
    }
    wake.lock()
    sleeping += 1
    while round.load(ordering: .acquiring) == seen { wake.wait() }
    sleeping -= 1
    wake.unlock()
  }
}

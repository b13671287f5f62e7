// What each rank of a host is doing, in memory that all of them see, for the report when one of them is gone.
import Base
import CProcessor
import Foundation

/// What a rank is busy with.
package enum RankPhase: Int64, Sendable {
  case starting = 0
  case forward, backward, update, validation, checkpoint, left

  package var words: String {
    switch self {
    case .starting: "start"
    case .forward: "forward"
    case .backward: "backward"
    case .update: "update"
    case .validation: "validation"
    case .checkpoint: "checkpoint"
    case .left: "end"
    }
  }

  /// Whether a rank reports every small part of this work, so that silence means that it hangs.
  var tellsOften: Bool { self == .forward || self == .backward || self == .update || self == .validation }
}

/// What a rank waits in for other ranks.
package enum RankCall: Int64, Sendable {
  case none = 0
  case barrier, broadcast, gather, sum, slices, messages, gradients, weights, keys

  package var words: String {
    switch self {
    case .none: "nothing"
    case .barrier: "a barrier"
    case .broadcast: "a broadcast"
    case .gather: "a gather"
    case .sum: "a sum"
    case .slices: "an all-gather of weights"
    case .messages: "messages"
    case .gradients: "gradients"
    case .weights: "updated weights"
    case .keys: "keys of attention"
    }
  }
}

/// One rank's line on the board: 64-bit words that only this rank writes.
struct BoardSlot {
  enum Word: Int {
    case process, signal, step, phase, layer, progress, beat, call, waitingSince, waitingFor
    /// Whether the rank has a connection to the first rank, for a host on which others have none.
    case isConnected
    /// Whether the rank has found a failure, which its host's speakers pass on, and its words.
    case hasFailure, failure
  }

  let base: UnsafeMutablePointer<Int64>

  subscript(_ word: Word) -> Int64 {
    get { swiftdp_load_acquire(base + word.rawValue) }
    nonmutating set { swiftdp_store_release(base + word.rawValue, newValue) }
  }

  /// What the rank has found.
  var failure: Failure? {
    get {
      guard self[.hasFailure] == 1 else { return nil }
      return Failure(
        words: (0..<Failure.wordCount).map { swiftdp_load_acquire(base + Word.failure.rawValue + $0) })
    }
    nonmutating set {
      for (place, word) in (newValue?.words ?? []).enumerated() {
        swiftdp_store_release(base + Word.failure.rawValue + place, word)
      }
      self[.hasFailure] = newValue == nil ? 0 : 1
    }
  }

  var phase: RankPhase { RankPhase(rawValue: self[.phase]) ?? .starting }
  /// The number of the collective call that the rank is in or was in last, and its kind.
  var call: (number: Int64, kind: RankCall) {
    let word = self[.call]
    return (word >> 8, RankCall(rawValue: word & 0xFF) ?? .none)
  }
}

/// The lines of this host's ranks. A rank writes its own line from its main thread; any rank may read it.
package final class RankBoard: @unchecked Sendable {
  /// The ranks of this host, in order.
  let members: [Int]
  let mine: BoardSlot
  private let memory: AnyObject
  private let slots: [BoardSlot]
  /// Two words that all ranks of a host share: whether one of them reports what happened, and whether it has done so.
  let head: UnsafeMutablePointer<Int64>
  private var calls: Int64 = 0

  /// Collective over the host's ranks.
  init(_ ranks: Ranks) {
    members = ranks.neighbours
    // One line per rank, on pages of its own, followed by the two shared words.
    if let shared = HostMemory(ranks, bytes: 4096, for: "board") {
      memory = shared
      slots = shared.starts.map {
        BoardSlot(base: (shared.base + $0).bindMemory(to: Int64.self, capacity: 512))
      }
    } else {
      let own = PrivateWords()
      memory = own
      slots = members.map { _ in BoardSlot(base: own.base) }
    }
    mine = slots[ranks.localRank]
    head = slots[0].base + 256
    mine[.process] = Int64(getpid())
    mine[.waitingFor] = -1
    mine[.layer] = -1
    mine[.beat] = now()
    mine[.progress] = now()
    ranks.barrierOnHost()
  }

  func slot(of rank: Int) -> BoardSlot? { members.firstIndex(of: rank).map { slots[$0] } }

  /// Whether this rank is the one of this host that reports what happened.
  func claimReport() -> Bool { swiftdp_claim(head) == 1 }
  var isReported: Bool {
    get { swiftdp_load_acquire(head + 1) != 0 }
    set { swiftdp_store_release(head + 1, newValue ? 1 : 0) }
  }

  /// Milliseconds of a clock that all processes of a host share.
  func now() -> Int64 {
    Int64(monotonicNanoseconds() / 1_000_000)
  }

  /// Notes what this rank is busy with now.
  package func tell(_ phase: RankPhase, layer: Int? = nil) {
    mine[.layer] = Int64(layer ?? -1)
    mine[.phase] = phase.rawValue
    mine[.progress] = now()
  }

  /// Notes that a step begins.
  package func tell(step: Int) {
    mine[.step] = Int64(step)
    mine[.progress] = now()
  }

  /// Notes that this rank makes a call that all ranks make in the same order.
  func enter(_ call: RankCall) {
    calls += 1
    mine[.call] = calls << 8 | call.rawValue
    wait(in: nil, for: nil)
  }

  /// Notes that this rank waits, and for which other rank if that is known.
  package func wait(in call: RankCall?, for rank: Int?) {
    if let call { mine[.call] = calls << 8 | call.rawValue }
    mine[.waitingFor] = Int64(rank ?? -1)
    mine[.waitingSince] = now()
  }

  /// Whether another rank of this host has been waiting that long in one call.
  func hasWaited(seconds: Int64) -> Bool {
    slots.contains { slot in
      let since = slot[.waitingSince]
      return slot.base != mine.base && since > 0 && now() - since >= seconds * 1000
    }
  }

  /// Notes that this rank no longer waits.
  package func go() {
    mine[.waitingSince] = 0
    mine[.progress] = now()
  }
}

/// A page that belongs to one process only.
private final class PrivateWords {
  let base = UnsafeMutablePointer<Int64>.allocate(capacity: 512)
  init() { base.initialize(repeating: 0, count: 512) }
  deinit { base.deallocate() }
}

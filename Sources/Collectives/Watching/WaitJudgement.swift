// Which rank keeps the others waiting, as far as one that waits can tell from what all were doing a moment ago.

/// Times are milliseconds.
package struct WaitJudgement {
  private let rank: Int
  private let mine: RankStatus
  private let sinceAwake: Int64
  private let others: [(rank: Int, status: RankStatus)]
  private let hostOf: [Int]
  private let limit: Int64
  private let reachesFirst: Bool

  /// - Parameters:
  ///   - rank: the rank that judges, and `mine` what it is doing.
  ///   - sinceAwake: how long ago it last went on after its job was suspended.
  ///   - others: the other ranks that can be asked.
  ///   - hostOf: the number of each rank's host.
  ///   - limit: how long a rank may keep others waiting.
  ///   - reachesFirst: whether the first rank, which knows more, can be told.
  package init(
    of rank: Int, _ mine: RankStatus, sinceAwake: Int64, others: [(rank: Int, status: RankStatus)],
    hostOf: [Int], limit: Int64, reachesFirst: Bool
  ) {
    self.rank = rank
    self.mine = mine
    self.sinceAwake = sinceAwake
    self.others = others
    self.hostOf = hostOf
    self.limit = limit
    self.reachesFirst = reachesFirst
  }

  /// nil if the rank does not wait, nothing is wrong, or it cannot be told yet.
  package var failure: Failure? {
    guard let waited = mine.waited else { return nil }
    if let mismatch { return mismatch }
    guard min(waited, sinceAwake) > limit else { return nil }
    let late = others.filter { $0.status.isSilent(for: limit) }.map(\.rank)
    if !late.isEmpty { return Failure(kind: .silent, ranks: late) }
    // A rank that was stopped while it waited itself, a moment later than this one, is late soon.
    if others.contains(where: { $0.status.phase != .left && $0.status.sinceBeat > limit / 2 }) { return nil }
    if isStandstill { return Failure(kind: .standstill, ranks: []) }
    // No rank that can be asked keeps the others waiting.
    let far = hostOf.indices.filter { hostOf[$0] != hostOf[rank] }
    guard !others.contains(where: { $0.status.waited == nil }), !far.isEmpty else { return nil }
    if rank != 0, reachesFirst { return nil }
    // A rank that stopped while it waited is still in a call that the others have left.
    let behind = others.filter { $0.status.phase != .left && $0.status.call.number < mine.call.number }
    if !behind.isEmpty { return Failure(kind: .silent, ranks: behind.map(\.rank)) }
    return Failure(kind: .silent, ranks: mine.waitingFor.map { far.contains($0) ? [$0] : far } ?? far)
  }

  /// A rank that is in another call than this rank under the same number.
  private var mismatch: Failure? {
    for (other, status) in others where status.waited != nil {
      let (call, theirs) = (mine.call, status.call)
      if theirs.number == call.number, theirs.kind != call.kind, theirs.kind.isCollective,
        call.kind.isCollective
      {
        return Failure(kind: .mismatch(call.kind, theirs.kind), ranks: [other])
      }
    }
    return nil
  }

  /// Whether every rank of the run waits for another or has left, and not all in the same call over a network.
  private var isStandstill: Bool {
    guard others.count == hostOf.count - 1 else { return false }
    let isOver = others.allSatisfy { $0.status.phase == .left || ($0.status.waited ?? 0) > limit }
    let isOneHost = hostOf.allSatisfy { $0 == hostOf[rank] }
    return isOver && (isOneHost || others.contains { $0.status.call != mine.call })
  }
}

extension RankCall {
  /// Whether all ranks make it in the same order.
  fileprivate var isCollective: Bool {
    ![.none, .messages, .gradients, .weights, .keys].contains(self)
  }
}

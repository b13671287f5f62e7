// Who is said to keep the others waiting.
import Collectives
import Testing

struct WaitJudgementTests {
  /// What a rank was doing: in update, in call 7 of `kind`.
  private func status(
    _ kind: RankCall = .weights, call: Int64 = 7, beat: Int64 = 100, progress: Int64 = 3100,
    waited: Int64? = 3050, waitingFor: Int64 = -1
  ) -> RankStatus {
    let (step, noLayer): (Int64, Int64) = (4, -1)
    return RankStatus(words: [
      1, 0, step, RankPhase.update.rawValue, noLayer, call << 8 | kind.rawValue, beat, progress, waited ?? -1,
      waitingFor,
    ])
  }

  /// What the first of six ranks on two hosts says after 3 s, while the others but the last wait.
  private func judged(_ last: RankStatus, _ mine: RankStatus? = nil, limit: Int64 = 3000) -> Failure? {
    WaitJudgement(
      of: 0, mine ?? status(waitingFor: 3), sinceAwake: 1 << 40,
      others: (1..<5).map { ($0, status(waited: 2900)) } + [(5, last)], hostOf: [0, 0, 0, 1, 1, 1],
      limit: limit, reachesFirst: false
    ).failure
  }

  /// A process that is stopped while it waits itself, and of which one that has waited longer heard a moment later.
  @Test func whoStoppedWhileItWaitedIsTold() throws {
    for waited: Int64 in [2850, 3010] {
      #expect(judged(status(beat: 2900, waited: waited)) == nil)
      let failure = try #require(judged(status(beat: 3001, waited: waited)))
      #expect(failure.kind == .silent && failure.ranks == [5])
    }
  }

  @Test func whoComputesForTooLongIsTold() throws {
    let failure = try #require(judged(status(progress: 3001, waited: nil)))
    #expect(failure.kind == .silent && failure.ranks == [5])
    #expect(judged(status(progress: 2999, waited: nil)) == nil)
  }

  /// All run, and all wait.
  @Test func whoIsBehindOrSendsNothingIsTold() throws {
    let behind = try #require(judged(status(call: 6, waited: 2900)))
    #expect(behind.kind == .silent && behind.ranks == [5])
    let partner = try #require(judged(status(waited: 2900)))
    #expect(partner.kind == .silent && partner.ranks == [3])
    let far = try #require(judged(status(waited: 2900), status()))
    #expect(far.kind == .silent && far.ranks == [3, 4, 5])
  }

  @Test func othersInAnotherCallAreTold() throws {
    let failure = try #require(judged(status(.barrier, waited: 10), status(.gather, waited: 20)))
    #expect(failure.kind == .mismatch(.gather, .barrier) && failure.ranks == [5])
  }

  @Test func whoDoesNotWaitSaysNothing() {
    #expect(judged(status(beat: 9000), status(waited: nil)) == nil)
    #expect(judged(status(beat: 9000), status(waited: 2999)) == nil)
  }
}

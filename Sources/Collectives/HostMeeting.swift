// Where some ranks of a host wait for each other, over and over, without a message: each has a counter in shared memory.
import Base
import CProcessor
import Foundation

package final class HostMeeting {
  private let ranks: Ranks
  private let members: [Int]
  private let counters: [UnsafeMutablePointer<Int64>]
  private let mine: UnsafeMutablePointer<Int64>
  private let call: RankCall
  private var arrivals: Int64 = 0
  private let memory: HostMemory

  /// Collective over the host's ranks; nil on all of them if the host has no room.
  /// - Parameters:
  ///   - members: the ranks that wait for each other, this one among them.
  ///   - call: what a rank that waits here waits for.
  package init?(_ ranks: Ranks, members: [Int], in call: RankCall) {
    guard let memory = HostMemory(ranks, bytes: 4096, for: "meeting") else { return nil }
    self.memory = memory
    self.ranks = ranks
    self.call = call
    self.members = members.filter { $0 != ranks.rank }
    let all = memory.starts.map { (memory.base + $0).bindMemory(to: Int64.self, capacity: 512) }
    counters = self.members.map { member in all[ranks.neighbours.firstIndex(of: member) ?? 0] }
    mine = all[ranks.localRank]
  }

  /// Says that this rank has come here once more, and what it has written until now.
  package func arrive() {
    arrivals += 1
    swiftdp_store_release(mine, arrivals)
  }

  /// Waits until all have arrived as often as this rank.
  package func waitForAll(_ meanwhile: (() -> Void)? = nil) {
    for (member, counter) in zip(members, counters) {
      ranks.wait(
        for: member, in: call, { swiftdp_load_acquire(counter) >= arrivals }, meanwhile: { meanwhile?() })
    }
  }
}

extension Ranks {
  /// Waits for what another rank of this host writes into shared memory. A longer wait is noted on the board, so that
  /// the rank that this one waits for can be named.
  package func wait(for rank: Int, in call: RankCall, _ isDone: () -> Bool, meanwhile: () -> Void) {
    var waits = 0
    defer { if waits >= 4000 { board?.go() } }
    while !isDone() {
      waits += 1
      if waits == 4000 { board?.wait(in: call, for: rank) }
      // If there are more ranks than cores, the rank that this one waits for may need this core.
      if waits < 4000 {
        swiftdp_pause()
      } else {
        meanwhile()
        sched_yield()
      }
    }
  }
}

// The distribution of updated weights, which other hosts receive while the next step already computes.
//
// A host gets each slice of the others once. Slices travel in pieces, in the order in which forward reads them, and only
// a few at a time, so that small messages need not wait behind them. An operation waits for the parameters that it
// reads; ranks that share their host's line tell each other by counters in shared memory how much has come.
import CProcessor
import Collectives
import Foundation
import Kernels
import Tensors

package final class WeightExchange {
  private let map: ShardMap
  private let weights: WeightLine
  private let ranks: Ranks
  /// What this rank sends to other hosts, and what it receives for its own, in order.
  private let sends: [Message]
  private let receives: [Message]
  private let departures: [Transfers]
  private let arrivals: [Transfers]
  /// How many pieces have been handed to MPI, and how many of those are through.
  private var sent = 0
  private var departed = 0
  private var posted = 0
  private var arrived = 0
  /// Whether pieces may still be on their way.
  private var isUnderWay = false
  /// All buckets from here on have come to this host; the number of buckets before the first comes.
  private var complete = 0
  /// Of every rank that receives for this host: the counter of its arrivals since the run began, where to read it;
  /// and for each bucket, how many of a step's arrivals complete the buckets from there on.
  private let counters: [UnsafeMutablePointer<Int64>]
  private let needed: [[Int]]
  private let mine: UnsafeMutablePointer<Int64>
  /// The sums of all arrivals before this step, by rank of the host.
  private var before: [Int64]
  private let memory: AnyObject?
  /// For each parameter of the line, its first bucket.
  private let firstBuckets: [Int]
  /// Whether each host has the line once, and there are several.
  private let crossesHosts: Bool
  /// Seconds that this rank has waited for weights since they were last asked for.
  private var seconds = 0.0

  private struct Message {
    let start: Int
    let count: Int
    let other: Int
    let bucket: Int
  }

  /// The most bytes of a piece: just below 64 KB, which MPI sends over TCP at once.
  private static let pieceBytes = 60 << 10
  /// How many pieces may be on their way at once: while an operation runs, and while small messages may follow.
  private static let depth = 96
  private static let shallow = 16

  /// Collective.
  package init(map: ShardMap, weights: WeightLine, ranks: Ranks) {
    self.map = map
    self.weights = weights
    self.ranks = ranks
    let isOnce = weights.isShared || ranks.localCount == 1
    crossesHosts =
      ranks.hosts > 1 && map.stage != .replicas && ranks.gather(isOnce ? 1 : 0).allSatisfy { $0 == 1 }
    firstBuckets = map.layout.parameters.filter(\.spec.trains).map { parameter in
      map.layout.buckets.firstIndex { $0.contains(parameter.range.lowerBound) } ?? 0
    }
    let messages = crossesHosts ? Self.messages(map, ranks, bytes: weights.type.bytes) : []
    sends = messages.filter { $0.from == ranks.rank }.map { $0.message(other: $0.to) }
    receives = messages.filter { $0.to == ranks.rank }.map { $0.message(other: $0.from) }
    needed = ranks.neighbours.map { rank in
      let buckets = messages.filter { $0.to == rank }.map(\.bucket)
      var counts = [Int](repeating: 0, count: map.slices.count)
      for bucket in buckets { counts[bucket] += 1 }
      for bucket in counts.indices.dropLast().reversed() { counts[bucket] += counts[bucket + 1] }
      return counts
    }
    departures = (0..<min(Self.depth, sends.count)).map { _ in ranks.transfers() }
    arrivals = (0..<min(Self.depth, receives.count)).map { _ in ranks.transfers() }
    before = [Int64](repeating: 0, count: ranks.neighbours.count)
    if crossesHosts, ranks.localCount > 1, let shared = HostMemory(ranks, bytes: 4096, for: "arrivals") {
      memory = shared
      counters = shared.starts.map { (shared.base + $0).bindMemory(to: Int64.self, capacity: 512) }
    } else {
      let own = FlatMemory(count: 16, label: "exchange")
      memory = own
      counters = [UnsafeMutableRawPointer(own.base).bindMemory(to: Int64.self, capacity: 8)]
    }
    mine = counters.count > 1 ? counters[ranks.localRank] : counters[0]
  }

  private struct Route {
    let from, to, start, count, bucket: Int
    func message(other: Int) -> Message { Message(start: start, count: count, other: other, bucket: bucket) }
  }

  /// All pieces that come to this host or leave it, in the order in which forward reads them.
  private static func messages(_ map: ShardMap, _ ranks: Ranks, bytes: Int) -> [Route] {
    let members = ranks.hostMembers.sorted { $0.key < $1.key }
    let numberOnHost = ranks.numberOnHost
    let here = ranks.hostOf[ranks.rank]
    var routes: [Route] = []
    for (bucket, slices) in map.slices.enumerated().reversed() {
      for (host, members) in members {
        for sender in slices.indices where !slices[sender].isEmpty && ranks.hostOf[sender] != host {
          guard host == here || sender == ranks.rank else { continue }
          // The ranks of a host take turns in receiving.
          let receiver = members[numberOnHost[sender] % members.count]
          let slice = slices[sender]
          for start in stride(from: slice.lowerBound, to: slice.upperBound, by: pieceBytes / bytes) {
            routes.append(
              Route(
                from: sender, to: receiver, start: start,
                count: min(slice.upperBound - start, pieceBytes / bytes), bucket: bucket))
          }
        }
      }
    }
    return routes
  }

  /// Gives every rank the slices that the others have updated. Between hosts, they come later: until `finish`, only an
  /// operation whose parameters were waited for may read weights. Collective.
  package func begin() {
    let start = Date()
    defer { seconds += Date().timeIntervalSince(start) }
    guard crossesHosts else {
      if ranks.hosts == 1, weights.isShared {
        ranks.barrierOnHost()
      } else if map.stage != .replicas {
        for slices in map.slices {
          ranks.gatherSlices(weights.address, bytes: weights.type.bytes, slices: slices)
        }
      }
      weights.refreshVectors()
      return
    }
    // What this host's ranks have updated.
    if ranks.localCount > 1 { ranks.barrierOnHost() }
    (sent, departed, posted, arrived) = (0, 0, 0, 0)
    complete = map.slices.count
    isUnderWay = true
    post(atMost: Self.shallow)
    // Without shared counters, the ranks of a host cannot see each other's arrivals.
    if ranks.localCount > 1, counters.count == 1 {
      while isUnderWay { advance() }
      ranks.barrierOnHost()
      finish()
    }
  }

  private func post(atMost depth: Int) {
    let bytes = weights.type.bytes
    // A tag that no bucket of gradients has.
    let tag = map.slices.count
    while posted < min(receives.count, arrived + depth) {
      let next = receives[posted]
      arrivals[posted % arrivals.count].receive(
        weights.address(next.start), count: next.count * bytes, from: next.other, tag: tag)
      posted += 1
    }
    while sent < min(sends.count, departed + depth) {
      let next = sends[sent]
      departures[sent % departures.count].send(
        weights.address(next.start), count: next.count * bytes, to: next.other, tag: tag)
      sent += 1
    }
  }

  /// Lets pieces travel that are under way, and sends more.
  package func advance() {
    guard isUnderWay else { return }
    while arrived < posted, arrivals[arrived % arrivals.count].isDone {
      arrived += 1
      swiftdp_store_release(mine, before[ranks.localRank] + Int64(arrived))
      post(atMost: Self.depth)
    }
    while departed < sent, departures[departed % departures.count].isDone {
      departed += 1
      post(atMost: Self.depth)
    }
    isUnderWay = arrived < receives.count || departed < sends.count
  }

  /// Waits for the weights of a parameter.
  /// - Parameter parameter: an index into the layout; those behind the trained ones never change.
  package func wait(for parameter: Int) {
    guard complete > 0, parameter < firstBuckets.count, firstBuckets[parameter] < complete else { return }
    wait(downTo: firstBuckets[parameter])
  }

  /// Waits for everything.
  package func finish() {
    guard complete > 0 || isUnderWay else { return }
    if complete > 0 { wait(downTo: 0) }
    wait { !isUnderWay }
  }

  private func wait(downTo bucket: Int) {
    wait { hasCome(downTo: bucket) }
    weights.refreshVectors(
      in: map.layout.buckets[bucket].lowerBound..<map.layout.buckets[complete - 1].upperBound)
    complete = bucket
    guard bucket == 0 else { return }
    for member in before.indices { before[member] += Int64(needed[member][0]) }
  }

  private func hasCome(downTo bucket: Int) -> Bool {
    guard counters.count > 1 else { return arrived >= needed[ranks.localRank][bucket] }
    return counters.indices.allSatisfy {
      swiftdp_load_acquire(counters[$0]) >= before[$0] + Int64(needed[$0][bucket])
    }
  }

  private func wait(_ isDone: () -> Bool) {
    guard !isDone() else { return }
    let start = Date()
    ranks.board?.wait(in: .weights, for: arrived < receives.count ? receives[arrived].other : nil)
    var waits = 0
    while !isDone() {
      advance()
      waits += 1
      // If there are more ranks than cores, the rank that this one waits for may need this core.
      if waits > 1000 { sched_yield() }
    }
    ranks.board?.go()
    seconds += Date().timeIntervalSince(start)
  }

  /// The seconds that this rank has waited for weights since this was last called.
  package func takeSeconds() -> Double {
    defer { seconds = 0 }
    return seconds
  }
}

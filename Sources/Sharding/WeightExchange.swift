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
  /// The order in which forward reads weights, and the same with tables last whose rows come ahead of them; that of
  /// the step.
  private let inForwardOrder: WeightOrder
  private let withTablesLast: WeightOrder
  private var order: WeightOrder
  private let rows: RowExchange
  /// The tables whose rows come ahead of them.
  private let tables: Set<Int>
  /// Whether the rows that ranks look up first have not been sent yet, and whether they come in this step.
  package private(set) var waitsForRows = false
  private var bringsRows = false
  private let departures: [Transfers]
  private let arrivals: [Transfers]
  /// How many pieces have been handed to MPI, and how many of those are through.
  private var sent = 0
  private var departed = 0
  private var posted = 0
  private var arrived = 0
  /// Whether pieces may still be on their way.
  private var isUnderWay = false
  /// How many buckets have come to this host, in their order.
  private var complete = 0
  /// Of every rank that receives for this host: the counter of its arrivals since the run began, where to read it.
  private let counters: [UnsafeMutablePointer<Int64>]
  private let mine: UnsafeMutablePointer<Int64>
  /// The sums of all arrivals before this step, by rank of the host.
  private var before: [Int64]
  private let memory: AnyObject?
  /// Whether each host has the line once, and there are several.
  private let crossesHosts: Bool
  /// Seconds that this rank has waited for weights since they were last asked for.
  private var seconds = 0.0

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
    let late = map.layout.tablesByRow
    let bytes = weights.type.bytes
    inForwardOrder = WeightOrder(map, ranks, bytes: bytes, crossesHosts: crossesHosts)
    withTablesLast =
      late.isEmpty
      ? inForwardOrder : WeightOrder(map, ranks, bytes: bytes, last: late, crossesHosts: crossesHosts)
    order = inForwardOrder
    tables = Set(late)
    rows = RowExchange(map, weights, ranks)
    complete = map.slices.count
    departures = (0..<min(Self.depth, inForwardOrder.sends.count)).map { _ in ranks.transfers() }
    arrivals = (0..<min(Self.depth, inForwardOrder.receives.count)).map { _ in ranks.transfers() }
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

  /// Gives every rank the slices that the others have updated. Between hosts, they come later: until `finish`, only an
  /// operation whose parameters were waited for may read weights. Collective.
  /// - Parameter looksAhead: whether all ranks will tell, with `bringRows`, what is looked up first.
  package func begin(looksAhead: Bool = false) {
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
    complete = 0
    isUnderWay = true
    bringsRows = looksAhead && !tables.isEmpty
    waitsForRows = bringsRows
    order = bringsRows ? withTablesLast : inForwardOrder
    if bringsRows { rows.begin() }
    post(atMost: Self.shallow)
    // Without shared counters, the ranks of a host cannot see each other's arrivals.
    if ranks.localCount > 1, counters.count == 1 {
      while isUnderWay { advance() }
      ranks.barrierOnHost()
      finish()
    }
  }

  /// Whether what a rank looks up first concerns this one.
  package func concerns(_ rank: Int) -> Bool { rows.concerns(rank) }

  /// Tells what a rank looks up first; all ranks tell the same of it.
  package func add(_ tokens: [Int32], of rank: Int) {
    if waitsForRows { rows.add(tokens, of: rank) }
  }

  /// Sends the rows that were added, and asks for those of this rank.
  package func bringRows() {
    guard waitsForRows else { return }
    waitsForRows = false
    // Tags that no bucket of gradients has.
    rows.start(tag: map.slices.count + 1)
  }

  private func post(atMost depth: Int) {
    let bytes = weights.type.bytes
    // A tag that no bucket of gradients has.
    let tag = map.slices.count
    while posted < min(order.receives.count, arrived + depth) {
      let next = order.receives[posted]
      arrivals[posted % arrivals.count].receive(
        weights.address(next.start), count: next.count * bytes, from: next.other, tag: tag)
      posted += 1
    }
    while sent < min(order.sends.count, departed + depth) {
      let next = order.sends[sent]
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
    let rowsAreDone = rows.isDone
    isUnderWay = arrived < order.receives.count || departed < order.sends.count || !rowsAreDone
  }

  /// Waits for the weights of a parameter.
  /// - Parameters:
  ///   - parameter: an index into the layout; those behind the trained ones never change.
  ///   - rowsSuffice: whether only rows are read that were told to be looked up first.
  package func wait(for parameter: Int, rowsSuffice: Bool = false) {
    let needed = order.bucketsNeeded(by: parameter)
    guard complete < needed else { return }
    if rowsSuffice, bringsRows, !waitsForRows, tables.contains(parameter) {
      wait { rows.haveCome }
    } else {
      wait(upTo: needed)
    }
  }

  /// Waits for everything.
  package func finish() {
    (waitsForRows, bringsRows) = (false, false)
    guard complete < order.buckets.count || isUnderWay else { return }
    if complete < order.buckets.count { wait(upTo: order.buckets.count) }
    wait { !isUnderWay }
  }

  private func wait(upTo buckets: Int) {
    wait { haveCome(buckets) }
    for bucket in order.buckets[complete..<buckets] {
      weights.refreshVectors(in: map.layout.buckets[bucket])
    }
    complete = buckets
    guard buckets == order.buckets.count else { return }
    for member in before.indices { before[member] += Int64(order.messages(ofMember: member, upTo: buckets)) }
  }

  private func haveCome(_ buckets: Int) -> Bool {
    guard counters.count > 1 else {
      return arrived >= order.messages(ofMember: ranks.localRank, upTo: buckets)
    }
    return counters.indices.allSatisfy {
      swiftdp_load_acquire(counters[$0]) >= before[$0] + Int64(order.messages(ofMember: $0, upTo: buckets))
    }
  }

  private func wait(_ isDone: () -> Bool) {
    guard !isDone() else { return }
    let start = Date()
    ranks.board?.wait(in: .weights, for: arrived < order.receives.count ? order.receives[arrived].other : nil)
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

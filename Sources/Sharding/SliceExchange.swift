// The transport of gradients from the ranks that computed them to the owners of their slices.
//
// Ranks of one host read each other's gradients where they were written. A rank publishes a segment with a counter in
// shared memory and goes on computing. Owners add the segment when they get to it, and report that with another
// counter; then its memory may be used again. To other hosts, each rank sends its own slices while earlier layers
// still compute, one piece per message; `depth` messages are expected at once.
import CProcessor
import Collectives
import Foundation
import Kernels
import Tensors

final class SliceExchange {
  /// How many more segments become final before the memory of a segment is used again. A rank may be this many
  /// segments ahead of the others.
  static func holds(ranks: Int) -> Int { ranks == 1 ? 0 : 2 }

  /// The memory that this rank's gradients are written to.
  let gradients: UnsafeMutablePointer<Float>
  private let map: ShardMap
  private let ranks: Ranks
  private let engine: Engine
  private let wire: ElementType
  private let own: FlatMemory
  /// For each rank, its gradients and counters if this rank can read them.
  private let mapped: [UnsafeMutablePointer<Float>?]
  private let counters: [UnsafeMutablePointer<Int64>?]
  private let mine: UnsafeMutablePointer<Int64>
  /// Ranks whose memory this one cannot read.
  private let remote: [Int]
  /// How many pieces are expected from every sender at once.
  private let depth: Int
  /// How many segments may be on their way to other hosts at once.
  private static let sendCount = 3
  private let received: FlatMemory
  private let slotCount: Int
  private let arrivals: [Transfers]
  private let departures: [Transfers]
  /// Rounded slices on their way, by segment modulo their number.
  private var rounded: [FlatMemory?]
  private let numberOfRemote: [Int?]
  private var senders = 0
  /// The pieces that are expected or have come in this round, and how many of them were added.
  private var posted = 0
  private var taken = 0
  /// How far into this rank's slice the parts of the bucket that is being added have been taken.
  private var takenOfSlice = 0
  /// The place of the next piece to expect: a bucket, and how far into this rank's slice of it.
  private var next = (bucket: 0, offset: 0)
  /// How many segments this rank has published, and how many it has added, since the beginning.
  private var published: Int64 = 0
  private var added: Int64 = 0
  private var parts: [SumPart] = []
  /// The memory that `counters` points into: memory of the host, or this rank's own.
  private let shared: [HostMemory]
  private let ownCounters: FlatMemory?

  /// The counters of a rank: published, added, and then the places of its last segments.
  private static let placeCount: Int64 = 8
  /// The most numbers of a message: just below 64 KB, which MPI sends over TCP at once. MPI sends larger messages
  /// only when the receiver asks for them, and the request waits behind data that goes the other way, while the link
  /// runs dry.
  private static let pieceCount = 15 << 10
  /// How many bytes are expected at once, from all senders together.
  private static let window = 4 << 20

  /// How many floats a piece of one sender takes, and how many pieces are expected from every sender at once.
  private static func slots(_ map: ShardMap, _ wire: ElementType, remote: Int) -> (count: Int, depth: Int) {
    let widest = min(map.slices.map { $0[map.rank].count }.max() ?? 0, pieceCount)
    let count = (widest * wire.bytes + 63) / 64 * 16
    return (count, max(4, window / max(count * 4 * remote, 1 << 16)))
  }

  /// Bytes for what other hosts send, and for rounded slices that are sent to them.
  static func receivedBytes(map: ShardMap, wire: ElementType, remote: Int) -> Int {
    guard remote > 0 else { return 0 }
    let segments = map.layout.segments.map { ($0.range.count + 1) / 2 }
    let rounded = wire == .bfloat16 ? (segments.max() ?? 0) * min(sendCount, segments.count) : 0
    let (count, depth) = slots(map, wire, remote: remote)
    return (count * remote * depth + rounded) * MemoryLayout<Float>.size
  }

  /// - Parameters:
  ///   - room: how many floats of gradients this rank writes before others have read them.
  ///   - wire: the type that gradients are rounded to between hosts, and therefore everywhere.
  init(map: ShardMap, ranks: Ranks, engine: Engine, room: Int, wire: ElementType, ledger: MemoryLedger?) {
    self.map = map
    self.ranks = ranks
    self.engine = engine
    self.wire = wire
    var mapped = [UnsafeMutablePointer<Float>?](repeating: nil, count: ranks.count)
    var counters = [UnsafeMutablePointer<Int64>?](repeating: nil, count: ranks.count)
    var shared: [HostMemory] = []
    if ranks.localCount > 1, let numbers = HostMemory(ranks, bytes: room * 4, for: "gradients"),
      let control = HostMemory(ranks, bytes: 4096, for: "counters")
    {
      shared = [numbers, control]
      for (number, rank) in ranks.neighbours.enumerated() {
        mapped[rank] = (numbers.base + numbers.starts[number]).bindMemory(to: Float.self, capacity: room)
        counters[rank] = (control.base + control.starts[number]).bindMemory(to: Int64.self, capacity: 512)
      }
      own = FlatMemory(
        mapped[ranks.rank]!, count: room, of: numbers, counted: room * 4, label: "exchange", ledger: ledger)
      ownCounters = nil
    } else {
      own = FlatMemory(count: room, label: "exchange", ledger: ledger)
      let control = FlatMemory(count: 64, label: "exchange")
      mapped[ranks.rank] = own.base
      counters[ranks.rank] = UnsafeMutableRawPointer(control.base).bindMemory(to: Int64.self, capacity: 32)
      ownCounters = control
    }
    gradients = own.base
    self.shared = shared
    self.mapped = mapped
    self.counters = counters
    mine = counters[ranks.rank]!
    remote = mapped.indices.filter { mapped[$0] == nil }
    var numbers = [Int?](repeating: nil, count: ranks.count)
    for (number, rank) in remote.enumerated() { numbers[rank] = number }
    numberOfRemote = numbers
    let (slotCount, depth) = Self.slots(map, wire, remote: remote.count)
    self.slotCount = slotCount
    self.depth = depth
    received = FlatMemory(count: slotCount * remote.count * depth, label: "exchange", ledger: ledger)
    arrivals = (0..<depth).map { _ in ranks.transfers() }
    departures = (0..<Self.sendCount).map { _ in ranks.transfers() }
    rounded = [FlatMemory?](repeating: nil, count: Self.sendCount)
    parts.reserveCapacity(ranks.count)
  }

  /// Whether some ranks are on other hosts.
  var crossesHosts: Bool { !remote.isEmpty }

  /// Announces a round in which the first `senders` ranks bring gradients.
  func beginRound(senders: Int) {
    self.senders = senders
    posted = 0
    taken = 0
    next = (0, 0)
    for _ in 0..<depth { expectNext() }
  }

  private func expectNext() {
    while next.bucket < map.slices.count, next.offset >= map.slices[next.bucket][map.rank].count {
      next = (next.bucket + 1, 0)
    }
    guard next.bucket < map.slices.count else { return }
    let count = min(map.slices[next.bucket][map.rank].count - next.offset, Self.pieceCount)
    for sender in remote where sender < senders {
      arrivals[posted % depth].receive(
        place(of: sender, piece: posted), count: count * wire.bytes, from: sender, tag: next.bucket)
    }
    next.offset += count
    posted += 1
  }

  private func place(of sender: Int, piece: Int) -> UnsafeMutablePointer<Float> {
    received.base + (piece % depth * remote.count + numberOfRemote[sender]!) * slotCount
  }

  /// Publishes a segment to its owners. `gradients` lies in this rank's memory and stays unchanged until `holds` more
  /// segments are published, or until `finishRound`.
  func publish(segment index: Int, _ gradients: UnsafePointer<Float>?) {
    if let gradients {
      mine[Int(2 + published % Self.placeCount)] = Int64(gradients - UnsafePointer(self.gradients))
      send(segment: index, gradients)
    }
    published += 1
    swiftdp_store_release(mine, published)
  }

  private func send(segment index: Int, _ gradients: UnsafePointer<Float>) {
    guard !remote.isEmpty else { return }
    let segment = map.layout.segments[index]
    let departures = departures[index % departures.count]
    var base = UnsafeRawPointer(gradients)
    if wire == .bfloat16 {
      let count = (segment.range.count + 1) / 2
      if rounded[index % Self.sendCount]?.count ?? 0 < count {
        rounded[index % Self.sendCount] = FlatMemory(count: count, label: "exchange")
      }
      let halves = UnsafeMutableRawPointer(rounded[index % Self.sendCount]!.base)
      engine.narrow(
        gradients, count: segment.range.count, into: halves.assumingMemoryBound(to: BFloat16.self))
      base = UnsafeRawPointer(halves)
    }
    for bucket in segment.buckets {
      for owner in remote {
        let slice = map.slices[bucket][owner]
        for start in stride(from: slice.lowerBound, to: slice.upperBound, by: Self.pieceCount) {
          departures.send(
            base + (start - segment.range.lowerBound) * wire.bytes,
            count: min(slice.upperBound - start, Self.pieceCount) * wire.bytes, to: owner, tag: bucket)
        }
      }
    }
  }

  /// Gives all senders' parts of this rank's slice of a bucket, in the order of the ranks, piece by piece as soon as
  /// they are there.
  /// - Parameters:
  ///   - waiting: whether to wait for pieces that have not come; the next call goes on with them.
  ///   - body: takes the parts, and the range of the slice that they cover.
  /// - Returns: whether all pieces have been taken.
  func withParts(
    bucket: Int, segment: Int, waiting: Bool,
    _ body: (UnsafeBufferPointer<SumPart>, _ numbers: Range<Int>) -> Void
  ) -> Bool {
    let slice = map.slices[bucket][map.rank]
    // Without messages there is no reason to cut the slice.
    let size = remote.isEmpty ? max(slice.count, 1) : Self.pieceCount
    while takenOfSlice < slice.count {
      guard waiting || hasNextPiece else { return false }
      let numbers = takenOfSlice..<min(takenOfSlice + size, slice.count)
      gather(at: slice.lowerBound + numbers.lowerBound - map.layout.segments[segment].range.lowerBound)
      parts.withUnsafeBufferPointer { body($0, numbers) }
      for sender in 0..<senders where sender != map.rank && mapped[sender] != nil {
        letGo(parts[sender].base, bytes: numbers.count * 4)
      }
      takenOfSlice += size
      expectNext()
    }
    takenOfSlice = 0
    return true
  }

  /// Whether the parts of the next piece have come.
  private var hasNextPiece: Bool {
    for sender in 0..<senders {
      if let counters = counters[sender], swiftdp_load_acquire(counters) <= added { return false }
    }
    return arrivals[taken % depth].isDone
  }

  /// Waits for the parts of a piece.
  /// - Parameter offset: the place of the piece in its segment.
  private func gather(at offset: Int) {
    arrivals[taken % depth].wait()
    parts.removeAll(keepingCapacity: true)
    for sender in 0..<senders {
      if let base = mapped[sender], let counters = counters[sender] {
        wait(for: sender) { swiftdp_load_acquire(counters) > added }
        let start = Int(counters[Int(2 + added % Self.placeCount)])
        parts.append(SumPart(base + start + offset, .float32))
      } else {
        parts.append(SumPart(place(of: sender, piece: taken), wire))
      }
    }
    taken += 1
  }

  /// Unmaps pages of a neighbour that were read. The pages stay where they are, but would also count as resident in
  /// this process, and schedulers add up the resident memory of processes.
  private func letGo(_ base: UnsafeRawPointer, bytes: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (UInt(bitPattern: base) + UInt(page) - 1) / UInt(page) * UInt(page)
    let end = (UInt(bitPattern: base) + UInt(bytes)) / UInt(page) * UInt(page)
    guard end > start, let address = UnsafeMutableRawPointer(bitPattern: start) else { return }
    madvise(address, Int(end - start), Int32(MADV_DONTNEED))
  }

  /// Marks the oldest segment that was not yet added as added.
  func finishSegment() {
    added += 1
    swiftdp_store_release(mine + 1, added)
  }

  /// Waits until the memory of all but the last published segments may be used again.
  func waitUntilFree(after segment: Int) {
    waitUntilAdded(published - Int64(Self.holds(ranks: ranks.count)))
    departures[(segment + 1) % departures.count].wait()
  }

  /// Waits until all memory may be used again.
  func finishRound() {
    waitUntilAdded(published)
    for departures in departures { departures.wait() }
  }

  private func waitUntilAdded(_ count: Int64) {
    for rank in ranks.neighbours where rank != ranks.rank {
      guard let counters = counters[rank] else { continue }
      wait(for: rank) { swiftdp_load_acquire(counters + 1) >= count }
    }
  }

  /// Lets messages progress, if there are any.
  func poke() { if crossesHosts { ranks.poke() } }

  private func wait(for rank: Int, _ isDone: () -> Bool) {
    ranks.wait(for: rank, in: .gradients, isDone, meanwhile: { poke() })
  }
}

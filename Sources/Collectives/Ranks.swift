// Communication between the ranks of a run, over MPI. No other module imports MPI.
import Base
import CMPI
import Foundation

/// The ranks of a run, as one of them sees them. All calls are collective: every rank makes the same ones in
/// the same order, from one thread.
///
/// Sums of floating-point numbers are never left to MPI, whose order depends on the number of ranks: values are
/// gathered, and the code that needs them adds them in an order of its own.
package final class Ranks {
  package let rank: Int
  package let count: Int
  /// The number of ranks on this rank's host, and of all hosts.
  package let localCount: Int
  package let hosts: Int
  /// This rank's number on its host, from 0.
  package let localRank: Int
  /// The ranks of this host, in order.
  package let neighbours: [Int]
  /// For each rank, the first rank of its host.
  package let hostOf: [Int]
  /// What the ranks of this host are doing; nil if this is a subset of the ranks.
  package private(set) var board: RankBoard?
  private let local: MPI_Comm
  private let communicator: MPI_Comm
  private let isWorld: Bool
  /// What each rank sends and receives in the call that is being made; kept, so that a call allocates nothing.
  private var receiveCounts: [Int32] = []
  private var receiveStarts: [Int32] = []

  private init(_ communicator: MPI_Comm, isWorld: Bool) {
    self.communicator = communicator
    self.isWorld = isWorld
    var rank: Int32 = 0
    var count: Int32 = 1
    // Communicators that are split from this one inherit it.
    check(MPI_Comm_set_errhandler(communicator, swiftdp_errors_return()), "MPI_Comm_set_errhandler")
    check(MPI_Comm_rank(communicator, &rank), "MPI_Comm_rank")
    check(MPI_Comm_size(communicator, &count), "MPI_Comm_size")
    self.rank = Int(rank)
    self.count = Int(count)
    var local = swiftdp_comm_null()
    var localRank: Int32 = 0
    var localCount: Int32 = 1
    check(
      MPI_Comm_split_type(communicator, swiftdp_split_shared(), rank, swiftdp_info_null(), &local),
      "MPI_Comm_split_type")
    check(MPI_Comm_rank(local, &localRank), "MPI_Comm_rank")
    check(MPI_Comm_size(local, &localCount), "MPI_Comm_size")
    self.local = local!
    self.localRank = Int(localRank)
    self.localCount = Int(localCount)
    var leader = Int64(rank)
    check(MPI_Bcast(&leader, 1, swiftdp_int64(), 0, local), "MPI_Bcast")
    var leaders = [Int64](repeating: 0, count: Int(count))
    check(
      MPI_Allgather(&leader, 1, swiftdp_int64(), &leaders, 1, swiftdp_int64(), communicator),
      "MPI_Allgather")
    hostOf = leaders.map(Int.init)
    neighbours = leaders.indices.filter { leaders[$0] == leader }
    hosts = Set(leaders).count
    receiveCounts = [Int32](repeating: 0, count: self.count)
    receiveStarts = receiveCounts
  }

  /// Joins the ranks that `mpirun` started; without mpirun, this process is the only rank. Call it once per process.
  package static func start() throws -> Ranks {
    var provided: Int32 = 0
    guard MPI_Init_thread(nil, nil, swiftdp_thread_funneled(), &provided) == 0 else {
      throw UserError(
        .tryAgain, "MPI does not start", hint: "is Open MPI's mpirun the one that started this?")
    }
    let ranks = Ranks(swiftdp_comm_world(), isWorld: true)
    let board = RankBoard(ranks)
    ranks.board = board
    if ranks.count > 1 {
      FatalEnd.join(
        FatalEnd.Company(name: "rank \(ranks.rank) on \(hostName)", speaker: board.head) {
          board.tell(.left)
          MPI_Abort(swiftdp_comm_world(), $0.rawValue)
        })
    }
    return ranks
  }

  /// The MPI library and its version, such as `Open MPI v4.1.4`.
  package static var libraryVersion: String {
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_LIBRARY_VERSION_STRING))
    var count: Int32 = 0
    MPI_Get_library_version(&text, &count)
    let bytes = text.prefix(Int(count)).map { UInt8(bitPattern: $0) }
    return String(
      decoding: bytes.prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// Leaves in order. Every rank must call it, and these ranks do not communicate afterwards.
  /// - Parameter error: what this rank stops with; nil for nothing. If another rank does not know of it, and waits for
  ///   this one, all are ended with that code.
  package func finish(after error: ExitCode? = nil) {
    board?.tell(.left)
    if isWorld, count > 1 { awaitOthers(after: error) }
    var (local, communicator) = (local as MPI_Comm?, communicator as MPI_Comm?)
    check(MPI_Comm_free(&local), "MPI_Comm_free")
    if isWorld {
      check(MPI_Finalize(), "MPI_Finalize")
    } else {
      check(MPI_Comm_free(&communicator), "MPI_Comm_free")
    }
  }

  /// Waits until all ranks leave, or ends them where another waits for what this rank does not bring.
  private func awaitOthers(after error: ExitCode?) {
    var request = swiftdp_request_null() as MPI_Request?
    check(MPI_Ibarrier(communicator, &request), "MPI_Ibarrier")
    let start = monotonicNanoseconds()
    var isOver: Int32 = 0
    while true {
      check(MPI_Test(&request, &isOver, swiftdp_status_ignore()), "MPI_Test")
      if isOver != 0 { return }
      usleep(500)
      guard let error else { continue }
      // Others may have files to write before they leave. What those of other hosts do is not known here.
      let seconds = (monotonicNanoseconds() - start) / 1_000_000_000
      if seconds >= 10 && board?.hasWaited(seconds: 10) == true || seconds >= 600 { abort(error) }
    }
  }

  /// Ends all ranks at once, for faults that the others cannot know about.
  package func abort(_ code: ExitCode) -> Never {
    board?.tell(.left)
    MPI_Abort(communicator, code.rawValue)
    _exit(code.rawValue)
  }

  package var isFirst: Bool { rank == 0 }

  /// Makes a call that all ranks make in the same order, and notes it on the board.
  private func call(_ body: @autoclosure () -> Int32, _ what: StaticString, _ kind: RankCall = .gather) {
    board?.enter(kind)
    let code = body()
    board?.go()
    check(code, what)
  }

  /// A group of the first `count` ranks, until they `finish`; nil for the others. Collective over all of these ranks.
  package func first(_ count: Int) -> Ranks? {
    var part = swiftdp_comm_null()
    let color = rank < count ? 0 : swiftdp_undefined()
    call(MPI_Comm_split(communicator, color, Int32(rank), &part), "MPI_Comm_split")
    return rank < count ? Ranks(part!, isWorld: false) : nil
  }

  /// The ranks that name the same number, with a board of their own, until they `finish`. Collective over all of these
  /// ranks.
  package func group(_ number: Int) -> Ranks {
    var part = swiftdp_comm_null()
    call(MPI_Comm_split(communicator, Int32(number), Int32(rank), &part), "MPI_Comm_split")
    let group = Ranks(part!, isWorld: false)
    group.board = RankBoard(group)
    return group
  }

  package func barrier() { call(MPI_Barrier(communicator), "MPI_Barrier", .barrier) }

  /// Gives every rank the bytes of one of them; all ranks must bring the same number of bytes.
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int = 0) {
    var start = 0
    while start < bytes.count {
      let count = min(bytes.count - start, 1 << 30)
      call(
        MPI_Bcast(
          bytes.baseAddress! + start, Int32(count), swiftdp_byte(), Int32(root), communicator),
        "MPI_Bcast", .broadcast)
      start += count
    }
  }

  /// Gives every rank the text of one of them.
  package func broadcast(_ text: String, from root: Int = 0) -> String {
    var count = text.utf8.count
    withUnsafeMutableBytes(of: &count) { broadcast($0, from: root) }
    var bytes = rank == root ? Array(text.utf8) : [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { broadcast($0, from: root) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The texts of all ranks, by rank.
  package func gather(_ text: String) -> [String] { (0..<count).map { broadcast(text, from: $0) } }

  /// The whole numbers of all ranks, by rank.
  package func gather(_ value: Int) -> [Int] {
    var mine = Int64(value)
    var all = [Int64](repeating: 0, count: count)
    call(
      MPI_Allgather(&mine, 1, swiftdp_int64(), &all, 1, swiftdp_int64(), communicator), "MPI_Allgather")
    return all.map(Int.init)
  }

  /// The whole numbers of this host's ranks, by number on the host.
  package func gatherOnHost(_ value: Int) -> [Int] {
    var mine = Int64(value)
    var all = [Int64](repeating: 0, count: localCount)
    call(MPI_Allgather(&mine, 1, swiftdp_int64(), &all, 1, swiftdp_int64(), local), "MPI_Allgather")
    return all.map(Int.init)
  }

  /// Gives this host's ranks the text of the first of them.
  package func broadcastOnHost(_ text: String) -> String {
    let count = gatherOnHost(text.utf8.count)[0]
    var bytes = localRank == 0 ? Array(text.utf8) : [UInt8](repeating: 0, count: count)
    call(MPI_Bcast(&bytes, Int32(count), swiftdp_byte(), 0, local), "MPI_Bcast", .broadcast)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Messages that are under way while something else is computed.
  package func transfers() -> Transfers { Transfers(communicator, board) }

  /// Lets messages that are under way progress: without a helper thread, MPI progresses only while it is called.
  package func poke() {
    var found: Int32 = 0
    let code = MPI_Iprobe(
      swiftdp_any_source(), swiftdp_any_tag(), communicator, &found, swiftdp_status_ignore())
    check(code, "MPI_Iprobe")
  }

  /// The ranks of each host, by the first of them.
  package var hostMembers: [Int: [Int]] { Dictionary(grouping: hostOf.indices) { hostOf[$0] } }

  /// For each rank, its number on its host.
  package var numberOnHost: [Int] {
    hostOf.indices.map { rank in hostOf[..<rank].count { $0 == hostOf[rank] } }
  }

  /// Waits for this host's ranks.
  package func barrierOnHost() { call(MPI_Barrier(local), "MPI_Barrier", .barrier) }

  package func sum(_ value: Int) -> Int { gather(value).reduce(0, +) }
  package func largest(_ value: Int) -> Int { gather(value).max()! }

  /// Adds up the whole numbers of all ranks, element by element; all ranks must bring the same count. The order does
  /// not matter.
  package func add(_ values: inout [Int64]) {
    for start in stride(from: 0, to: values.count, by: 1 << 27) {
      let part = min(values.count - start, 1 << 27)
      values.withUnsafeMutableBufferPointer { values in
        call(
          MPI_Allreduce(
            swiftdp_in_place(), values.baseAddress! + start, Int32(part), swiftdp_int64(), swiftdp_sum(),
            communicator), "MPI_Allreduce", .sum)
      }
    }
  }

  /// Adds up numbers in MPI's own order, which depends on the number of ranks: for comparison only.
  package func addInAnyOrder(_ values: UnsafeMutablePointer<Float>, count: Int) {
    call(
      MPI_Allreduce(
        swiftdp_in_place(), values, Int32(count), swiftdp_float(), swiftdp_sum(), communicator),
      "MPI_Allreduce", .sum)
  }

  /// The numbers of all ranks, by rank; ranks may bring different counts.
  package func gather(_ values: [Double]) -> [[Double]] {
    let counts = gather(values.count)
    var starts = [0]
    for count in counts { starts.append(starts.last! + count) }
    var all = [Double](repeating: 0, count: starts.last!)
    call(
      MPI_Allgatherv(
        values, Int32(values.count), swiftdp_double(), &all, counts.map(Int32.init),
        starts.dropLast().map(Int32.init), swiftdp_double(), communicator), "MPI_Allgatherv")
    return (0..<count).map { Array(all[starts[$0]..<starts[$0 + 1]]) }
  }

  /// The numbers of all ranks, one rank after the other.
  /// - Parameters:
  ///   - mine: as many numbers as this rank has, or more.
  ///   - counts: how many each rank has, known to all.
  ///   - all: receives the numbers of all ranks.
  package func gather(_ mine: UnsafeBufferPointer<Double>, counts: [Int], into all: inout [Double]) {
    precondition(counts.count == count && mine.count >= counts[rank], "numbers do not fit")
    var start = 0
    for rank in 0..<count {
      receiveCounts[rank] = Int32(counts[rank])
      receiveStarts[rank] = Int32(start)
      start += counts[rank]
    }
    precondition(all.count >= start, "no room for everyone's numbers")
    call(
      MPI_Allgatherv(
        mine.baseAddress, receiveCounts[rank], swiftdp_double(), &all, receiveCounts, receiveStarts,
        swiftdp_double(), communicator), "MPI_Allgatherv")
  }

  /// Completes a line on every rank: each rank brings the slice that it owns, in place.
  /// - Parameters:
  ///   - address: the address of an element.
  ///   - bytes: the size of one element.
  ///   - slices: which rank owns which range of the line, by rank; ranges are adjacent and in order.
  package func gatherSlices(
    _ address: (Int) -> UnsafeMutableRawPointer, bytes: Int, slices: [Range<Int>]
  ) {
    guard count > 1 else { return }
    let start = slices[0].lowerBound
    for rank in 0..<count {
      receiveCounts[rank] = Int32(slices[rank].count * bytes)
      receiveStarts[rank] = Int32((slices[rank].lowerBound - start) * bytes)
    }
    call(
      MPI_Allgatherv(
        swiftdp_in_place(), 0, swiftdp_byte(), address(start), receiveCounts, receiveStarts,
        swiftdp_byte(), communicator), "MPI_Allgatherv", .slices)
  }
}

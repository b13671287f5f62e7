// What the ranks of a run say to each other, over MPI. Nothing else imports MPI.
import Base
import CMPI

/// The ranks of a run, as one of them sees them. All calls are collective: every rank makes the same ones in
/// the same order, from one thread.
///
/// Sums of floating-point numbers are never left to MPI, whose order depends on the number of ranks: values
/// are gathered, and added by whoever needs them in an order of their own.
package final class Ranks {
  package let rank: Int
  package let count: Int
  /// Ranks on this rank's host, and hosts in all.
  package let localCount: Int
  package let hosts: Int
  private let communicator: MPI_Comm
  private let isWorld: Bool

  private init(_ communicator: MPI_Comm, isWorld: Bool) {
    self.communicator = communicator
    self.isWorld = isWorld
    var rank: Int32 = 0
    var count: Int32 = 1
    MPI_Comm_rank(communicator, &rank)
    MPI_Comm_size(communicator, &count)
    self.rank = Int(rank)
    self.count = Int(count)
    var local = swiftdp_comm_null()
    var localRank: Int32 = 0
    var localCount: Int32 = 1
    MPI_Comm_split_type(communicator, swiftdp_split_shared(), rank, swiftdp_info_null(), &local)
    MPI_Comm_rank(local, &localRank)
    MPI_Comm_size(local, &localCount)
    MPI_Comm_free(&local)
    self.localCount = Int(localCount)
    var first: Int64 = localRank == 0 ? 1 : 0
    var hosts: Int64 = 0
    MPI_Allreduce(&first, &hosts, 1, swiftdp_int64(), swiftdp_sum(), communicator)
    self.hosts = Int(hosts)
  }

  /// Joins the ranks that `mpirun` started, or is the only one where none did. Once per process.
  package static func start() throws -> Ranks {
    var provided: Int32 = 0
    guard MPI_Init_thread(nil, nil, swiftdp_thread_funneled(), &provided) == 0 else {
      throw UserError(
        .tryAgain, "MPI does not start", hint: "is Open MPI's mpirun the one that started this?")
    }
    return Ranks(swiftdp_comm_world(), isWorld: true)
  }

  /// Leaves in order; every rank must come here.
  package func finish() {
    if isWorld { MPI_Finalize() }
  }

  /// Ends all ranks at once, for faults that the others cannot know of.
  package func abort(_ code: ExitCode) -> Never {
    MPI_Abort(communicator, code.rawValue)
    preconditionFailure("MPI_Abort came back")
  }

  package var isFirst: Bool { rank == 0 }

  private func check(_ code: Int32, _ what: StaticString) {
    // Open MPI ends the job itself on errors; another error handler must not go on with wrong numbers.
    precondition(code == 0, "\(what) failed with MPI error \(code)")
  }

  /// The first `count` ranks among themselves; nil for the others. Collective over all of these.
  package func first(_ count: Int) -> Ranks? {
    var part = swiftdp_comm_null()
    let color = rank < count ? 0 : swiftdp_undefined()
    check(MPI_Comm_split(communicator, color, Int32(rank), &part), "MPI_Comm_split")
    return rank < count ? Ranks(part!, isWorld: false) : nil
  }

  package func barrier() { check(MPI_Barrier(communicator), "MPI_Barrier") }

  /// Gives everyone the bytes of one rank; all must bring the same number.
  package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int = 0) {
    var start = 0
    while start < bytes.count {
      let count = min(bytes.count - start, 1 << 30)
      check(
        MPI_Bcast(
          bytes.baseAddress! + start, Int32(count), swiftdp_byte(), Int32(root), communicator),
        "MPI_Bcast")
      start += count
    }
  }

  /// Gives everyone one rank's text.
  package func broadcast(_ text: String, from root: Int = 0) -> String {
    var count = text.utf8.count
    withUnsafeMutableBytes(of: &count) { broadcast($0, from: root) }
    var bytes = rank == root ? Array(text.utf8) : [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { broadcast($0, from: root) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Everyone's whole number, by rank.
  package func gather(_ value: Int) -> [Int] {
    var mine = Int64(value)
    var all = [Int64](repeating: 0, count: count)
    check(
      MPI_Allgather(&mine, 1, swiftdp_int64(), &all, 1, swiftdp_int64(), communicator), "MPI_Allgather")
    return all.map(Int.init)
  }

  package func sum(_ value: Int) -> Int { gather(value).reduce(0, +) }
  package func largest(_ value: Int) -> Int { gather(value).max()! }

  /// Adds everyone's whole numbers to each other; all must bring the same count. The order does not matter.
  package func add(_ values: inout [Int64]) {
    for start in stride(from: 0, to: values.count, by: 1 << 27) {
      let part = min(values.count - start, 1 << 27)
      values.withUnsafeMutableBufferPointer { values in
        check(
          MPI_Allreduce(
            swiftdp_in_place(), values.baseAddress! + start, Int32(part), swiftdp_int64(), swiftdp_sum(),
            communicator), "MPI_Allreduce")
      }
    }
  }

  /// Everyone's numbers, by rank; ranks may bring different counts.
  package func gather(_ values: [Double]) -> [[Double]] {
    let counts = gather(values.count)
    var starts = [0]
    for count in counts { starts.append(starts.last! + count) }
    var all = [Double](repeating: 0, count: starts.last!)
    check(
      MPI_Allgatherv(
        values, Int32(values.count), swiftdp_double(), &all, counts.map(Int32.init),
        starts.dropLast().map(Int32.init), swiftdp_double(), communicator), "MPI_Allgatherv")
    return (0..<count).map { Array(all[starts[$0]..<starts[$0 + 1]]) }
  }

  /// Sends each rank its slice of `mine` and receives everyone's part of this rank's slice.
  /// - Parameters:
  ///   - mine: this rank's numbers, or nil if it takes no part.
  ///   - slices: who owns which range of `mine`, by rank; neighbouring and in order.
  ///   - senders: how many ranks take part: 0..<senders.
  ///   - parts: receives [senders, own slice]; this rank's own part is copied too.
  package func exchangeSlices(
    _ mine: UnsafePointer<Float>?, slices: [Range<Int>], senders: Int,
    into parts: UnsafeMutablePointer<Float>
  ) {
    precondition((mine != nil) == (rank < senders), "senders are the first ranks")
    let own = slices[rank].count
    let sendCounts = slices.map { mine == nil ? 0 : Int32($0.count) }
    let receiveCounts = (0..<count).map { $0 < senders ? Int32(own) : 0 }
    check(
      MPI_Alltoallv(
        mine, sendCounts, slices.map { Int32($0.lowerBound) }, swiftdp_float(), parts, receiveCounts,
        (0..<count).map { $0 < senders ? Int32($0 * own) : 0 }, swiftdp_float(), communicator),
      "MPI_Alltoallv")
  }

  /// Completes `line` on every rank: each brings the slice it owns, in place.
  package func gatherSlices(_ line: UnsafeMutablePointer<Float>, slices: [Range<Int>]) {
    guard count > 1 else { return }
    check(
      MPI_Allgatherv(
        swiftdp_in_place(), 0, swiftdp_float(), line, slices.map { Int32($0.count) },
        slices.map { Int32($0.lowerBound) }, swiftdp_float(), communicator), "MPI_Allgatherv")
  }
}

extension Ranks {
  /// An error that the user has been told of already, by this rank or another.
  package struct StoppedElsewhere: Error {
    package let code: ExitCode
    package init(code: ExitCode) { self.code = code }
  }

  /// Above every exit code.
  private static let stopped = 1000

  /// Runs something that may fail on any rank. If it failed anywhere, all ranks stop, and only the lowest of
  /// those where it failed keeps the error to tell.
  package func together<T>(_ body: () throws -> T) throws -> T {
    let result = Result { try body() }
    var mine = 0
    if case .failure(let error) = result {
      // A rank that was stopped by another has nothing to tell.
      mine = Int(exitCode(of: error).rawValue) + (error is StoppedElsewhere ? Self.stopped : 0)
    }
    let codes = gather(mine)
    guard codes.contains(where: { $0 != 0 }) else { return try result.get() }
    let first = codes.firstIndex { $0 != 0 && $0 < Self.stopped } ?? codes.firstIndex { $0 != 0 } ?? 0
    if first == rank { return try result.get() }
    throw StoppedElsewhere(code: ExitCode(rawValue: Int32(codes[first] % Self.stopped)) ?? .software)
  }
}

/// The exit code that an error leads to.
package func exitCode(of error: any Error) -> ExitCode {
  switch error {
  case let error as UserError: error.code
  case let errors as UserErrors: errors.code
  case let stopped as Ranks.StoppedElsewhere: stopped.code
  default: .software
  }
}

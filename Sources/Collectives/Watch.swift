// Who watches the ranks of a host: a thread in each of them that learns when another one is gone or silent,
// leaves a report, and ends its own. It makes no MPI calls: those of a job that lost a rank may never return.
import Base
import CProcessor
import Foundation
import Synchronization

package final class Watch: @unchecked Sendable {
  /// How long a rank may keep others waiting, in seconds, and where the report goes; nil for no file.
  package struct Settings: Sendable {
    package var timeout: Double
    package var output: String?

    package init(timeout: Double, output: String?) {
      self.timeout = timeout
      self.output = output
    }
  }

  private let board: RankBoard
  private let rank: Int
  private let hostOf: [Int]
  private let hostName: String
  private let settings: Settings
  /// Of the other ranks of this host, descriptors that say when they end.
  private let processes: [(rank: Int, descriptor: Int32)]
  private let isOver = Atomic(false)
  private var thread: Thread?

  /// Begins to watch; nil where a rank is alone.
  package init?(_ ranks: Ranks, hostName: String, _ settings: Settings) {
    guard ranks.count > 1, let board = ranks.board else { return nil }
    self.board = board
    self.settings = settings
    self.hostName = hostName
    rank = ranks.rank
    hostOf = ranks.hostOf
    processes = board.members.filter { $0 != ranks.rank }.map { rank in
      (rank, swiftdp_watch_process(Int32(board.slot(of: rank)?[.process] ?? 0)))
    }
    CrashNote.install(board.mine)
    let thread = Thread { [self] in watch() }
    thread.stackSize = 1 << 20
    thread.start()
    self.thread = thread
  }

  /// Stops watching; nobody is to be missed any more.
  package func end() {
    board.tell(.left)
    isOver.store(true, ordering: .releasing)
  }

  private func watch() {
    var polled = processes.filter { $0.descriptor >= 0 }.map {
      pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0)
    }
    while !isOver.load(ordering: .acquiring) {
      board.mine[.beat] = board.now()
      // Wakes at once where a neighbour ends.
      poll(&polled, nfds_t(polled.count), 250)
      if isOver.load(ordering: .acquiring) { return }
      if let failure = findFailure() { end(with: failure) }
      // Descriptors of ranks that left in order stay readable.
      for index in polled.indices where polled[index].revents != 0 { polled[index].fd = -1 }
    }
  }

  private func findFailure() -> Failure? {
    for (other, _) in processes {
      guard let slot = board.slot(of: other), slot.phase != .left else { continue }
      if kill(pid_t(slot[.process]), 0) != 0, errno == ESRCH, slot.phase != .left {
        // Only SIGKILL leaves no word; other signals are noted on the board by who gets them.
        return Failure(kind: .died, ranks: [other], signal: Int(slot[.signal] == 0 ? 9 : slot[.signal]))
      }
    }
    let mine = board.mine
    let since = mine[.waitingSince]
    guard since != 0 else { return nil }
    if let other = mismatch(mine.call) { return other }
    let limit = Int64(settings.timeout * 1000)
    guard board.now() - since > limit else { return nil }
    let late = processes.map(\.rank).filter { isSilent($0, for: limit) }
    if !late.isEmpty { return Failure(kind: .silent, ranks: late) }
    // Nobody here keeps the others waiting.
    let isEveryoneWaiting = processes.allSatisfy { (board.slot(of: $0.rank)?[.waitingSince] ?? 0) != 0 }
    let far = hostOf.indices.filter { hostOf[$0] != hostOf[rank] }
    guard isEveryoneWaiting, !far.isEmpty else { return nil }
    let partner = Int(mine[.waitingFor])
    return Failure(kind: .silent, ranks: far.contains(partner) ? [partner] : far)
  }

  /// Whether a rank of this host does not run, or hangs in something that it tells of often.
  private func isSilent(_ other: Int, for limit: Int64) -> Bool {
    guard let slot = board.slot(of: other), slot.phase != .left else { return false }
    let now = board.now()
    if now - slot[.beat] > limit { return true }
    return slot[.waitingSince] == 0 && slot.phase.tellsOften && now - slot[.progress] > limit
  }

  /// A rank that is in another call than this one under the same number.
  private func mismatch(_ call: (number: Int64, kind: RankCall)) -> Failure? {
    for (other, _) in processes {
      guard let slot = board.slot(of: other), slot[.waitingSince] != 0 else { continue }
      let theirs = slot.call
      if theirs.number == call.number, theirs.kind != call.kind, isCollective(theirs.kind),
        isCollective(call.kind)
      {
        return Failure(kind: .mismatch(call.kind, theirs.kind), ranks: [other])
      }
    }
    return nil
  }

  private func isCollective(_ kind: RankCall) -> Bool {
    kind != .none && kind != .messages && kind != .gradients
  }

  /// Leaves a report, once a host, and ends this process. The launcher ends those of other hosts.
  private func end(with failure: Failure) -> Never {
    if board.claimReport() {
      let report = FailureReport(
        failure, board: board, host: hostName, hostOf: hostOf, timeout: settings.timeout)
      let file = settings.output.flatMap { report.write(in: $0) }
      StandardStream.error.write("swiftdp: \(report.line(file: file))\n")
      board.isReported = true
    }
    // The others wait for the report: their end would have the launcher kill who writes it.
    for _ in 0..<200 where !board.isReported { usleep(10_000) }
    _exit(ExitCode.tryAgain.rawValue)
  }
}

/// What is wrong with which ranks.
struct Failure: Sendable {
  enum Kind: Sendable {
    case died
    case silent
    /// Two ranks are in different calls.
    case mismatch(RankCall, RankCall)
  }

  var kind: Kind
  var ranks: [Int]
  var signal = 0
}

/// Notes a deadly signal on the board before it does what it would have done.
private enum CrashNote {
  nonisolated(unsafe) private static var word: UnsafeMutablePointer<Int64>?

  static func install(_ slot: BoardSlot) {
    word = slot.base + BoardSlot.Word.signal.rawValue
    // Of SIGBUS, which files may cause, that of other memory.
    MappedRange.watch(otherwise: note)
    for signal in [SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGFPE] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        CrashNote.note(number)
        // The handler is gone by now: the same again ends the process.
        raise(number)
      }
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
      sigaction(signal, &action, nil)
    }
  }

  private static let note: @convention(c) (Int32) -> Void = { number in
    if let word = CrashNote.word { swiftdp_store_release(word, Int64(number)) }
  }
}

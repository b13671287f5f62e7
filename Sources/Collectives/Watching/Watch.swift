// A thread in each rank watches the ranks of its host. It learns when another one is gone or silent, leaves a report,
// and ends its own rank. Between hosts, the first rank hears of it over connections between threads. The threads make
// no MPI calls, which may never return in a job that lost a rank.
import Base
import CProcessor
import Foundation
import Synchronization

package final class Watch: @unchecked Sendable {
  /// How long a rank may keep others waiting, in seconds, and where the report goes; nil for no file.
  package struct Settings: Sendable {
    package var timeout: Double
    package var output: String?
    /// The ports that hosts can reach each other by; nil for any.
    package var ports: ClosedRange<Int>?

    package init(timeout: Double, output: String?, ports: ClosedRange<Int>? = nil) {
      self.timeout = timeout
      self.output = output
      self.ports = ports
    }
  }

  /// How many ranks of another host than the first rank's speak for it: they alone are connected to the first rank.
  package static let speakersOfHost = 2

  private let board: RankBoard
  private let rank: Int
  private let hostOf: [Int]
  private let hostName: String
  /// The host of each rank, if there are several hosts.
  private let hostNames: [String]
  private let settings: Settings
  /// For each other rank of this host, a descriptor that says when its process ends.
  private let processes: [(rank: Int, descriptor: Int32)]
  private let isOver = Atomic(false)
  private let hasEnded = DispatchSemaphore(value: 0)
  /// A pipe: writing to its second end wakes the thread.
  private let wakeUp: [Int32]
  /// The link to other hosts; nil if there are none.
  private let link: HostLink?
  /// What ranks of other hosts have reported, and when; which ranks are gone without a word; which failures others
  /// have seen.
  private var heard: [Int: (status: RankStatus, at: Int64)] = [:]
  private var lost: (ranks: [Int], at: Int64)?
  private var told: Failure?
  private var isReportedElsewhere = false
  /// When this process last went on after it had been stopped. Schedulers suspend jobs as a whole, so the clocks of
  /// the others then start again.
  private var awakeSince: Int64 = 0
  /// In milliseconds: a running process never takes this long from one look to the next.
  private static let nap: Int64 = 2000

  /// Starts to watch; nil if a rank is alone. Collective.
  /// - Throws: `UserError` if the system gives no pipe or thread for it.
  package init?(_ ranks: Ranks, hostName: String, _ settings: Settings) throws {
    guard ranks.count > 1, let board = ranks.board else { return nil }
    self.board = board
    self.settings = settings
    self.hostName = hostName
    rank = ranks.rank
    hostOf = ranks.hostOf
    hostNames = ranks.hosts > 1 ? ranks.gather(hostName) : []
    link = ranks.hosts > 1 ? try HostLink(ranks, ports: settings.ports) : nil
    processes = board.members.filter { $0 != ranks.rank }.map { rank in
      (rank, swiftdp_watch_process(Int32(board.slot(of: rank)?[.process] ?? 0)))
    }
    CrashNote.install(board.mine)
    var ends: [Int32] = [-1, -1]
    let code = pipe(&ends) == 0 ? 0 : errno
    wakeUp = ends
    guard code == 0 else {
      throw UserError(
        .data, "no pipe can be made: \(String(cString: strerror(code)))", hint: "raise the limit (ulimit -n)")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    try SystemThread.start("swiftdp watch", stack: 1 << 20) { [self] in
      watch()
      link?.leave()
      hasEnded.signal()
    }
  }

  deinit {
    for descriptor in wakeUp + processes.map(\.descriptor) where descriptor >= 0 { close(descriptor) }
  }

  /// Stops watching; from now on a rank that leaves is not missed.
  package func end() {
    board.tell(.left)
    isOver.store(true, ordering: .releasing)
    // Tell ranks of other hosts before this process ends.
    guard link != nil else { return }
    var word: UInt8 = 0
    write(wakeUp[1], &word, 1)
    _ = hasEnded.wait(timeout: .now() + 1)
  }

  private func watch() {
    var gone: Set<Int32> = []
    while !isOver.load(ordering: .acquiring) {
      let now = board.now()
      board.mine[.beat] = now
      speak(now)
      // Wakes at once if a neighbour ends or another host sends something.
      let sources = processes.map(\.descriptor).filter { $0 >= 0 && !gone.contains($0) }
      let others = [wakeUp[0]] + (link?.descriptors ?? [])
      var polled = (sources + others).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let isUrgent = lost != nil || link?.isConnecting == true
      poll(&polled, nfds_t(polled.count), isUrgent ? 20 : 250)
      if isOver.load(ordering: .acquiring) { return }
      if board.now() - now > Self.nap { awakeSince = board.now() }
      hear()
      if let failure = findFailure() { end(with: failure) }
      // The first rank has reported it and will end the run.
      if isReportedElsewhere { leaveQuietly() }
      // Descriptors of ranks that left in order stay readable.
      gone.formUnion(zip(sources, polled).filter { $1.revents != 0 }.map(\.0))
    }
  }

  /// Tells the other hosts what this one's ranks are doing, and passes on what they have found.
  private func speak(_ now: Int64) {
    guard let link else { return }
    board.mine[.isConnected] = link.isOpen ? 1 : 0
    let slots = board.members.compactMap { rank in board.slot(of: rank).map { (rank: rank, slot: $0) } }
    link.send((rank == 0 ? Array(slots.prefix(1)) : slots).map { ($0.rank, RankStatus($0.slot, now: now)) })
    guard rank != 0 else { return }
    for failure in slots.compactMap(\.slot.failure) { link.send(failure) }
  }

  /// Whether this rank or a neighbour can tell the first rank of another host.
  private var reachesFirst: Bool {
    link?.isOpen == true
      || !board.members.contains(0) && board.members.contains { board.slot(of: $0)?[.isConnected] == 1 }
  }

  /// Takes in what other hosts say.
  private func hear() {
    guard let link else { return }
    if let rank = link.unheard() { tellUnheard(rank) }
    for news in link.news() {
      switch news {
      case .status(let rank, let status): heard[rank] = (status, board.now())
      case .failure(let failure): told = told ?? failure
      case .lost(let ranks):
        lost = (Array(Set(ranks).union(lost?.ranks ?? [])), lost?.at ?? board.now())
      case .isReported: isReportedElsewhere = true
      }
    }
  }

  /// Says once that a host cannot reach the first rank.
  private func tellUnheard(_ rank: Int) {
    let hint =
      settings.ports.map { "open ports \($0.lowerBound)-\($0.upperBound)" }
      ?? "open some ports between the hosts and set parallel.ports to them, such as 20000-20099"
    StandardStream.error.write(
      "swiftdp: note: \(hostNames[rank]) has no connection to \(hostName): if a rank dies or stands still there, it "
        + "is noticed only after parallel.timeout (\(hint))\n")
  }

  /// What another rank is doing, if that is known.
  private func status(of other: Int) -> RankStatus? {
    if let slot = board.slot(of: other) { return RankStatus(slot, now: board.now()) }
    return heard[other].map { $0.status.aged(board.now() - $0.at) }
  }

  private var others: [(rank: Int, status: RankStatus)] {
    hostOf.indices.compactMap { other in
      other == rank ? nil : status(of: other).map { (other, $0) }
    }
  }

  private func findFailure() -> Failure? {
    for (other, _) in processes {
      guard let slot = board.slot(of: other), slot.phase != .left else { continue }
      if kill(pid_t(slot[.process]), 0) != 0, errno == ESRCH, slot.phase != .left {
        // Only SIGKILL leaves no note; a process notes other signals on the board itself.
        return Failure(kind: .died, ranks: [other], signal: Int(slot[.signal] == 0 ? 9 : slot[.signal]))
      }
    }
    if let told { return told }
    // Neighbours of the lost rank know the signal, and report first.
    if let lost, board.now() - lost.at > patience(for: lost.ranks) {
      return Failure(kind: .died, ranks: lost.ranks.sorted())
    }
    let now = board.now()
    return WaitJudgement(
      of: rank, RankStatus(board.mine, now: now), sinceAwake: now - awakeSince, others: others,
      hostOf: hostOf, limit: Int64(settings.timeout * 1000), reachesFirst: reachesFirst
    ).failure
  }

  /// Milliseconds in which another rank may report, and the launcher may end this one.
  private static let patience: Int64 = 5000

  /// Milliseconds in which a neighbour of lost ranks may report the reason.
  private func patience(for ranks: [Int]) -> Int64 {
    // If the first rank is gone, its neighbours tell the user.
    ranks.contains(0) && hostOf.filter { $0 == hostOf[0] }.count > 1 ? Self.patience : 300
  }

  /// Makes sure that a report is left and one rank speaks, and ends this process. The others do the same, and the
  /// launcher ends those that do not.
  private func end(with failure: Failure) -> Never {
    if rank != 0, !failure.ranks.contains(0), let link, reachesFirst || board.members.contains(0) {
      // The first rank knows what the ranks of all hosts were doing.
      board.mine.failure = failure
      link.send(failure)
      for _ in 0..<Self.patience / 10 where !board.isReported && !isReportedElsewhere {
        usleep(10_000)
        hear()
      }
      if isReportedElsewhere { leaveQuietly() }
    }
    // The first rank's neighbours cannot be reached from here, but have the same output folder.
    if failure.ranks.contains(0), !board.members.contains(0), let output = settings.output,
      FailureFile.isRecent(in: output)
    {
      leaveQuietly()
    }
    if !board.isReported, board.claimReport() {
      let host = { [self] rank in
        hostNames.isEmpty ? hostName : hostNames[rank]
      }
      let lines = (others + [(rank, RankStatus(board.mine, now: board.now()))]).map {
        FailureReport.Line(rank: $0.rank, host: host($0.rank), status: $0.status)
      }
      let report = FailureReport(
        failure, lines: lines, hostOf: host, host: hostName, timeout: settings.timeout)
      let file = settings.output.flatMap { report.write(in: $0) }
      StandardStream.error.write("swiftdp: \(report.line(file: file))\n")
      link?.sendReported()
      board.isReported = true
    }
    // The others wait for the report: if they ended, the launcher would kill the rank that writes it.
    for _ in 0..<200 where !board.isReported { usleep(10_000) }
    _exit(ExitCode.tryAgain.rawValue)
  }

  private func leaveQuietly() -> Never {
    board.isReported = true
    _exit(ExitCode.tryAgain.rawValue)
  }
}

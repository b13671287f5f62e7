// Other hosts tell the first rank what their ranks are doing, so that it knows at once when one is gone. Two ranks of
// each host speak for all of its ranks, so that a thousand ranks are not a thousand connections; the second one stays
// when the first one dies. The watching threads use them: MPI's own connections may hang together with the call that
// waits in them.
import Base
import Foundation

/// Rank 0 listens, the speakers of other hosts connect. Except for `init`, not for use from several threads at once.
final class HostLink {
  enum News {
    /// What a rank of the speaker's host is doing.
    case status(rank: Int, RankStatus)
    /// A rank of another host has seen a failure.
    case failure(Failure)
    /// The connection to a speaker ended, and it did not say that it would. Its host's ranks are all lost with the
    /// last of its speakers.
    case lost([Int])
    /// The first rank has reported a failure: the others need not.
    case isReported
  }

  private enum Kind: Int64 {
    case hello, status, failure, isReported, left
  }

  /// A message: its kind, a rank, and ten more words.
  private static let words = 2 + RankStatus.wordCount
  private static let bytes = words * MemoryLayout<Int64>.size

  private struct Peer {
    let descriptor: Int32
    /// In milliseconds; the peer must have introduced itself by then.
    var deadline = Int64.max
    /// The peer's rank; -1 until it has introduced itself.
    var rank = -1
    /// Whether this side has introduced itself.
    var isGreeted = false
    var received: [UInt8] = []
    /// The rest of what the system had no room for.
    var unsent: [UInt8] = []
    var hasLeft = false
  }

  /// The most connections at once whose peers have not introduced themselves; others wait in the system's queue.
  private static let strangers = 64
  /// Milliseconds that such peers have to show the number of the run.
  private static let patience: Int64 = 1000

  private let rank: Int
  /// For each rank, the first rank of its host.
  private let hostOf: [Int]
  /// Only the ranks of the run know it, since anybody may connect.
  private let token: [Int64]
  private var listener: Int32 = -1
  private var peers: [Peer] = []
  /// Whether the first rank has answered at one of its addresses; that connection is then the only peer.
  private var isConnected = false
  /// The addresses of the first rank, for the speakers of other hosts.
  private var addresses: [SocketAddress] = []
  /// When the next attempt is due, in milliseconds, and how many attempts are left. The first rank closes connections
  /// that stay silent for a while, and a rank may have been delayed.
  private var connectsAgain: Int64 = 0
  private var attempts = 30
  /// When connections are accepted again, in milliseconds, after the system had no descriptor for one.
  private var acceptsFrom: Int64 = 0

  /// Whether this rank is connected to the first rank, or is the first rank.
  var isOpen: Bool { rank == 0 || isConnected }

  /// On the first rank: when speakers of other hosts should have connected, in milliseconds; which of them have, and
  /// which were lost.
  private var connectsUntil: Int64
  private var heard: Set<Int> = []
  private var lost: Set<Int> = []
  /// Milliseconds in which every host connects, unless something is in its way.
  private static let usualDelay: Int64 = 10_000

  /// Opens the first rank's listening socket and tells the others where it is. Collective.
  /// - Parameter ports: of which it takes one; nil for any.
  /// - Throws: if none of them is free.
  init(_ ranks: Ranks, ports: ClosedRange<Int>?) throws {
    connectsUntil = Self.now() + Self.usualDelay
    rank = ranks.rank
    hostOf = ranks.hostOf
    var text = ""
    var random = SystemRandomNumberGenerator()
    let secret = [Int64](
      arrayLiteral: .random(in: 1 ... .max, using: &random), .random(in: 1 ... .max, using: &random))
    let listening = try ranks.together { () -> (descriptor: Int32, port: Int)? in
      guard ranks.isFirst else { return nil }
      let opened = SocketAddress.listen(on: ports ?? 0...0)
      guard opened == nil, let ports else { return opened }
      throw UserError(
        .usage,
        "is \(ports.lowerBound)-\(ports.upperBound), and no port of these is free on \(Ranks.hostName)",
        at: "parallel.ports", hint: "see ss -ltn")
    }
    if let (descriptor, port) = listening {
      listener = descriptor
      let own = SocketAddress.ofThisHost(port: port).map(\.text)
      text = (secret.map(String.init) + own).joined(separator: " ")
    }
    let told = ranks.broadcast(text).split(separator: " ").map(String.init)
    token = told.prefix(2).compactMap { Int64($0) }
    // The other ranks of a host have its board.
    if ranks.hostOf[rank] != ranks.hostOf[0], ranks.localRank < Watch.speakersOfHost {
      addresses = told.dropFirst(2).compactMap { SocketAddress(text: $0) }
    }
    connect()
  }

  /// On the first rank, once after a while: a rank of a host that has not connected; nil if there is none.
  func unheard() -> Int? {
    guard rank == 0, Self.now() > connectsUntil else { return nil }
    connectsUntil = .max
    let hosts = Set(heard.map { hostOf[$0] } + [hostOf[0]])
    return hostOf.indices.first { !hosts.contains(hostOf[$0]) }
  }

  /// The ranks that are lost with a speaker: its host's, if nobody is left to speak for them.
  private func lost(with speaker: Int) -> [Int] {
    lost.insert(speaker)
    let ranks = hostOf.indices.filter { hostOf[$0] == hostOf[speaker] }
    return ranks.prefix(Watch.speakersOfHost).allSatisfy(lost.contains) ? ranks : [speaker]
  }

  /// Starts to connect to all addresses of the first rank.
  private func connect() {
    peers = addresses.compactMap { $0.connect() }.map { Peer(descriptor: $0) }
    connectsAgain = Self.now() + Self.patience
    attempts -= 1
  }

  deinit {
    for peer in peers { close(peer.descriptor) }
    if listener >= 0 { close(listener) }
  }

  /// Whether an address may still answer: if so, the caller should check again soon.
  var isConnecting: Bool { !isOpen && !peers.isEmpty }

  /// The descriptors to wait for.
  var descriptors: [Int32] { (isListening ? [listener] : []) + peers.map(\.descriptor) }

  /// Whether there is room for another connection. Without room, a waiting connection must not wake the thread.
  private var isListening: Bool {
    listener >= 0 && peers.count(where: { $0.rank < 0 }) < Self.strangers && Self.now() >= acceptsFrom
  }

  private static func now() -> Int64 { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) }

  /// Takes in what has come, without waiting; called every few tenths of a second.
  func news() -> [News] {
    accept()
    if !addresses.isEmpty, !isConnected, peers.isEmpty, attempts > 0, Self.now() >= connectsAgain {
      connect()
    }
    greet()
    var news: [News] = []
    for index in peers.indices {
      news += read(&peers[index])
      if rank != 0, !isConnected, peers[index].rank == 0 {
        isConnected = true
        for other in peers.indices where other != index {
          // The first rank may have heard from this one there too, and must not take the end of the connection for a
          // death.
          if peers[other].isGreeted { send(.left, about: rank, [], to: &peers[other]) }
          peers[other].hasLeft = true
        }
      }
    }
    let now = Self.now()
    for index in peers.indices where peers[index].rank < 0 && now > peers[index].deadline {
      peers[index].hasLeft = true
    }
    for peer in peers where peer.hasLeft { close(peer.descriptor) }
    peers.removeAll { $0.hasLeft }
    return news
  }

  /// Sends what ranks of this host are doing.
  func send(_ statuses: [(rank: Int, status: RankStatus)]) {
    for (rank, status) in statuses { send(.status, about: rank, status.words) }
  }

  func send(_ failure: Failure) { send(.failure, about: rank, failure.words) }

  /// Tells the others that they need not report.
  func sendReported() { send(.isReported, about: rank, []) }

  /// Says that the end of this connection does not mean a failure.
  func leave() { send(.left, about: rank, []) }

  private func send(_ kind: Kind, about rank: Int, _ more: [Int64]) {
    for index in peers.indices where peers[index].rank >= 0 {
      send(kind, about: rank, more, to: &peers[index])
    }
  }

  private func send(_ kind: Kind, about rank: Int, _ more: [Int64], to peer: inout Peer) {
    // A peer that does not read misses a status, and the next one tells it the same.
    if kind == .status, !peer.unsent.isEmpty { return flush(&peer) }
    var words = [kind.rawValue, Int64(rank)] + more
    words += [Int64](repeating: 0, count: Self.words - words.count)
    words.withUnsafeBytes { peer.unsent += $0 }
    flush(&peer)
  }

  /// Sends as much as the system takes.
  private func flush(_ peer: inout Peer) {
    let sent = peer.unsent.withUnsafeBytes {
      Glibc.send(peer.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
    if sent > 0 { peer.unsent.removeFirst(sent) }
  }

  private func accept() {
    while isListening {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else {
        if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(errno) { acceptsFrom = Self.now() + Self.patience }
        return
      }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      SocketAddress.watchOver(descriptor)
      peers.append(Peer(descriptor: descriptor, deadline: Self.now() + Self.patience))
    }
  }

  /// Introduces this rank on every connection that is up by now.
  private func greet() {
    guard rank != 0, !isConnected else { return }
    for index in peers.indices where !peers[index].isGreeted {
      var state = pollfd(fd: peers[index].descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&state, 1, 0) > 0 else { continue }
      guard state.revents == Int16(POLLOUT) else {
        peers[index].hasLeft = true
        continue
      }
      peers[index].isGreeted = true
      send(.hello, about: rank, token, to: &peers[index])
    }
  }

  private func read(_ peer: inout Peer) -> [News] {
    guard rank == 0 || peer.isGreeted else { return [] }
    var news: [News] = []
    while true {
      // A peer that has not introduced itself may send nothing else.
      var buffer = [UInt8](repeating: 0, count: (peer.rank < 0 ? 1 : 256) * Self.bytes)
      let count = recv(peer.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count < 0, errno == EAGAIN || errno == EINTR { return news }
      if count > 0 { peer.received += buffer[..<count] }
      let messages = peer.received.count / Self.bytes
      for message in 0..<messages {
        let words = peer.received.withUnsafeBytes { bytes in
          (0..<Self.words).map {
            bytes.loadUnaligned(fromByteOffset: message * Self.bytes + 8 * $0, as: Int64.self)
          }
        }
        if let one = take(words, &peer) { news.append(one) }
      }
      peer.received.removeFirst(messages * Self.bytes)
      if count <= 0 {
        if !peer.hasLeft, peer.rank >= 0 { news.append(.lost(lost(with: peer.rank))) }
        peer.hasLeft = true
      }
      // What is left waits for the next look, so that one peer does not keep the others waiting.
      if peer.hasLeft || count < buffer.count { return news }
    }
  }

  /// Whether it is the number of a rank of another host.
  private func isElsewhere(_ rank: Int64) -> Bool {
    guard let rank = Int(exactly: rank), hostOf.indices.contains(rank) else { return false }
    return hostOf[rank] != hostOf[self.rank]
  }

  private func take(_ words: [Int64], _ peer: inout Peer) -> News? {
    let kind = Kind(rawValue: words[0])
    if peer.rank < 0 {
      let isKnown =
        rank == 0
        ? kind == .hello && token.count == 2 && Array(words[2..<4]) == token && isElsewhere(words[1])
        : kind == .status && words[1] == 0
      // A peer that does not know the token is not a rank.
      guard isKnown else {
        peer.hasLeft = true
        return nil
      }
      peer.rank = Int(words[1])
      heard.insert(peer.rank)
    }
    switch kind {
    case .status:
      guard let rank = Int(exactly: words[1]), hostOf.indices.contains(rank),
        hostOf[rank] == hostOf[peer.rank]
      else { return nil }
      return .status(rank: rank, RankStatus(words: Array(words[2...])))
    case .failure:
      return Failure(words: Array(words[2...])).map { .failure($0) }
    case .isReported: return .isReported
    case .left:
      peer.hasLeft = true
      return nil
    case .hello, nil: return nil
    }
  }
}

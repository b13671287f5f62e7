// Neighbouring ranks of a host that compute one micro-batch together, and the memory in which attention meets.
import Base
import Collectives
import Graph
import Tensors

/// The memory that the chunks of a group share. With C chunks and N ranks, a group has min(C, N) ranks; the rank at
/// place p of it computes chunks p, p + N, …
package final class ContextGroup: ContextMemory, @unchecked Sendable {
  package let chunks: Int
  package let room: Int
  /// The chunks of this rank, ascending.
  let own: [Int]
  package let keys: UnsafeMutablePointer<Float>
  private let gradients: [UnsafeMutablePointer<Float>]
  private let meeting: HostMeeting?
  private let memory: FlatMemory

  /// - Parameters:
  ///   - chunks: C, 2 or more.
  ///   - room: floats of the keys and values of the largest micro-batch.
  /// - Throws: if the ranks make no such groups, or the host has no room. Collective.
  package init(_ ranks: Ranks, chunks: Int, room: Int, ledger: MemoryLedger? = nil) throws {
    try ranks.together {
      guard let obstacle = Self.obstacle(chunks, hostOf: ranks.hostOf) else { return }
      throw UserError(.usage, obstacle.what, at: "parallel.context", hint: obstacle.hint)
    }
    self.chunks = chunks
    // Whole pages, so that no two ranks write to one.
    let room = (max(room, 1) + 1023) / 1024 * 1024
    self.room = room
    let size = min(chunks, ranks.count)
    let place = ranks.rank % size
    let mine = chunks / size
    own = (0..<mine).map { place + $0 * size }
    // The first rank of a group holds the keys before its gradients.
    func count(_ place: Int) -> Int { (mine + (place == 0 ? 1 : 0)) * room }
    guard size > 1 else {
      let own = FlatMemory(count: count(0), label: "context", ledger: ledger)
      memory = own
      meeting = nil
      keys = own.base
      gradients = (0..<chunks).map { own.base + ($0 + 1) * room }
      return
    }
    let members = Array(ranks.rank - place..<ranks.rank - place + size)
    let bytes = count(place) * MemoryLayout<Float>.size
    let shared = HostMemory(ranks, bytes: bytes, for: "keys")
    let meeting = HostMeeting(ranks, members: members, in: .keys)
    // Other hosts may have room.
    let found = try ranks.together {
      guard let shared, let meeting else {
        throw UserError(
          .usage, "/dev/shm has no room for the keys that the ranks of a host share", at: "parallel.context",
          hint: "mount it larger (--shm-size in containers)")
      }
      return (shared: shared, meeting: meeting)
    }
    func base(_ place: Int) -> UnsafeMutablePointer<Float> {
      let number = ranks.neighbours.firstIndex(of: members[place]) ?? 0
      return (found.shared.base + found.shared.starts[number]).bindMemory(
        to: Float.self, capacity: count(place))
    }
    self.meeting = found.meeting
    keys = base(0)
    gradients = (0..<chunks).map { chunk in
      base(chunk % size) + (chunk / size + (chunk % size == 0 ? 1 : 0)) * room
    }
    memory = FlatMemory(
      base(place), count: count(place), of: found.shared, counted: bytes, label: "context", ledger: ledger)
  }

  /// Why ranks on these hosts make no groups; nil if they do.
  /// - Parameter hostOf: for each rank, a number of its host.
  package static func obstacle(_ chunks: Int, hostOf: [Int]) -> (what: String, hint: String)? {
    let count = hostOf.count
    guard count % chunks == 0 || chunks % count == 0 else {
      return (
        "is \(chunks), and \(counted(count, "rank")) make no groups of \(chunks)",
        "start a multiple of \(chunks) ranks"
      )
    }
    let size = min(chunks, count)
    for first in stride(from: 0, to: count, by: size) {
      let hosts = hostOf[first..<first + size]
      if let other = hosts.firstIndex(where: { $0 != hosts[first] }) {
        return (
          "is \(chunks), and ranks \(first) and \(other) of a group are on different hosts",
          "start a multiple of \(chunks) ranks on each host, neighbours together: --map-by ppr:\(chunks):node"
        )
      }
    }
    return nil
  }

  package func gradients(ofChunk chunk: Int) -> UnsafeMutablePointer<Float> { gradients[chunk] }
  package func arrive() { meeting?.arrive() }
  package func waitForAll(_ meanwhile: (() -> Void)?) { meeting?.waitForAll(meanwhile) }
}

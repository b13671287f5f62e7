// Memory that all ranks of one host map: what one of them writes, the others read without a copy.
//
// POSIX shared memory and not an MPI window: freeing a window is collective, so that a rank that is gone
// would hang the others. The name is removed as soon as all have it open; nothing outlives the processes.
import Base
import Foundation

package final class HostMemory: @unchecked Sendable {
  package let base: UnsafeMutableRawPointer
  package let bytes: Int
  /// Where each rank's own part starts, in bytes, by rank of the host.
  package let starts: [Int]

  /// Zeroed memory of as many bytes as the ranks of this host ask for together; parts start at pages. Collective over
  /// the host's ranks; nil on all of them if the host has no room.
  /// - Parameter what: what is held there, in a word.
  package init?(_ ranks: Ranks, bytes own: Int, for what: String) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let asked = ranks.gatherOnHost((own + page - 1) / page * page)
    var starts: [Int] = []
    var total = 0
    for part in asked {
      starts.append(total)
      total += part
    }
    self.starts = starts
    bytes = total
    // One rank makes the name; only this user may open it, and only once.
    let mine = "/swiftdp-\(what)-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    let name = ranks.broadcastOnHost(mine)
    var descriptor: Int32 = -1
    if ranks.localRank == 0 {
      descriptor = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
      if descriptor >= 0, ftruncate(descriptor, off_t(max(total, page))) != 0 {
        close(descriptor)
        descriptor = -1
      }
    }
    // The barriers make sure that it exists before anyone opens it, and that everyone has it before it is removed.
    let exists = ranks.gatherOnHost(descriptor >= 0 || ranks.localRank > 0 ? 1 : 0)[0] == 1
    if exists, ranks.localRank > 0 { descriptor = shm_open(name, O_RDWR, 0) }
    defer { if descriptor >= 0 { close(descriptor) } }
    var address: UnsafeMutableRawPointer?
    if descriptor >= 0 {
      // Touch all pages now, since full memory would be a bus error later. Each rank touches its own part, so that it
      // lies near it.
      let part = asked[ranks.localRank]
      let taken = reserveSpace(part, at: starts[ranks.localRank], of: descriptor) == 0
      let mapped = mmap(nil, max(total, page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
      if taken, mapped != MAP_FAILED { address = mapped }
    }
    let all = ranks.gatherOnHost(address == nil ? 0 : 1).allSatisfy { $0 == 1 }
    if exists, ranks.localRank == 0 { shm_unlink(name) }
    guard all, let address else {
      if let address { munmap(address, max(total, page)) }
      return nil
    }
    // MADV_HUGEPAGE: large pages, if the system grants them to shared memory.
    madvise(address, max(total, page), 14)
    base = address
  }

  deinit { munmap(base, max(bytes, 1)) }
}

// Memory that files are mapped to. If a file has become shorter, or its disk fails, touching the memory raises a
// signal (SIGBUS) that ends the process. Here zeros take the place of the missing bytes, and the reader is told.
import CProcessor
import Foundation

/// A mapping that is watched as long as this value lives, and unmapped with it.
package final class MappedRange: @unchecked Sendable {
  /// Three words for each range: where it begins, where it ends, and whether bytes of it were missing. Never freed,
  /// as a signal may come at any time. Ranges that find no free place are not watched.
  private static let most = 4096
  nonisolated(unsafe) private static let words: UnsafeMutablePointer<Int64> = {
    let words = UnsafeMutablePointer<Int64>.allocate(capacity: 3 * most)
    words.initialize(repeating: 0, count: 3 * most)
    installHandler()
    return words
  }()
  private static let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
  private static let lock = NSLock()
  nonisolated(unsafe) private static var otherwise: (@convention(c) (Int32) -> Void)?

  private let base: UnsafeMutableRawPointer
  private let count: Int
  private let slot: UnsafeMutablePointer<Int64>?

  /// - Parameter base: what `mmap` gave.
  package init(_ base: UnsafeMutableRawPointer, count: Int) {
    self.base = base
    self.count = count
    // The handler must find it computed.
    let page = Self.page
    slot = Self.lock.withLock {
      let free = (0..<Self.most).lazy.map { Self.words + 3 * $0 }.first { $0[0] == 0 }
      guard let free else { return nil }
      let start = Int64(Int(bitPattern: base))
      free[2] = 0
      swiftdp_store_release(free + 1, start + (Int64(count) + page - 1) / page * page)
      swiftdp_store_release(free, start)
      return free
    }
  }

  deinit {
    if let slot { Self.lock.withLock { swiftdp_store_release(slot, 0) } }
    munmap(base, count)
  }

  /// Whether bytes of it were missing, so that zeros were read instead.
  package var isBroken: Bool { slot.map { swiftdp_load_acquire($0 + 2) != 0 } ?? false }

  /// Watches for the signal from now on; the first range does so too.
  /// - Parameter otherwise: called before the process ends if the signal is about other memory.
  package static func watch(otherwise: @convention(c) (Int32) -> Void) {
    _ = (words, page)
    Self.otherwise = otherwise
  }

  private static func installHandler() {
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = { number, info, _ in
      let kept = errno
      defer { errno = kept }
      // Only signals from the kernel have an address.
      if let info, info.pointee.si_code > 0,
        MappedRange.fill(Int64(Int(bitPattern: info.pointee._sifields._sigfault.si_addr)))
      {
        return
      }
      MappedRange.otherwise?(number)
      // The same access raises the signal again, which now ends the process.
      signal(number, SIG_DFL)
      raise(number)
    }
    action.sa_flags = SA_SIGINFO | SA_NODEFER
    sigaction(SIGBUS, &action, nil)
  }

  /// Puts zeros at an address that cannot be read, and into the rest of its range. Calls nothing but the system.
  /// - Returns: whether it has put zeros there.
  private static func fill(_ address: Int64) -> Bool {
    for number in 0..<most {
      let slot = words + 3 * number
      let (start, end) = (swiftdp_load_acquire(slot), swiftdp_load_acquire(slot + 1))
      guard start != 0, address >= start, address < end else { continue }
      swiftdp_store_release(slot + 2, 1)
      let first = address / page * page
      let place = UnsafeMutableRawPointer(bitPattern: Int(first))
      return mmap(
        place, Int(end - first), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        != MAP_FAILED
    }
    return false
  }
}

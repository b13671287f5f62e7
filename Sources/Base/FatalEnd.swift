// Ends a run where an error cannot be thrown: the system gives no memory, a library fails in the middle of a kernel,
// MPI cannot deliver a message. Nothing that follows would be right.
import CProcessor
import Foundation
import Synchronization

/// Unlike a precondition, it tells the user, also in targets that are built without checks.
package enum FatalEnd {
  /// The processes that must end with this one.
  package struct Company: Sendable {
    /// A name for this process, such as `rank 1 on node0`.
    let name: String
    /// Two words in memory that the processes of a host share: whether one of them speaks, and whether it has spoken.
    nonisolated(unsafe) let speaker: UnsafeMutablePointer<Int64>
    /// Ends all of them.
    let end: @Sendable (ExitCode) -> Void

    package init(
      name: String, speaker: UnsafeMutablePointer<Int64>, end: @escaping @Sendable (ExitCode) -> Void
    ) {
      self.name = name
      self.speaker = speaker
      self.end = end
    }
  }

  private static let company = Mutex<Company?>(nil)
  private static let hasBegun = Atomic(false)
  /// What a signal handler needs: the line, which is never freed, and the two words.
  nonisolated(unsafe) private static var abortLine: UnsafeMutableBufferPointer<UInt8>?
  nonisolated(unsafe) private static var speaker: UnsafeMutablePointer<Int64>?

  /// From now on this process is one of several.
  package static func join(_ others: Company) {
    company.withLock { $0 = others }
    speaker = others.speaker
    tellOfAborts(name: others.name)
  }

  /// Prints an error in one line, and ends this process and the others at once.
  package static func end(_ error: UserError) -> Never {
    // The threads of a pool often fail together.
    if hasBegun.exchange(true, ordering: .relaxed) { while true { sleep(1) } }
    let others = company.withLock { $0 }
    var error = error
    if let name = others?.name { error.what = "\(name): \(error.what)" }
    let line = "swiftdp: \(error)\n"
    speakOnce { StandardStream.error.write(line) }
    others?.end(error.code)
    _exit(error.code.rawValue)
  }

  /// Prints a line when a library calls `abort`, as Swift's runtime does if it gets no memory for an array: the
  /// library explains itself in its own words only. Call this before any other handler is set.
  package static func tellOfAborts(name: String? = nil) {
    let words = Array(
      ("swiftdp: \(name.map { $0 + ": " } ?? "")ended by a library, in the words above (where memory could not be "
        + "had: raise ulimit -v or the job's memory, or see swiftdp plan)\n").utf8)
    let line = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: words.count)
    _ = line.initialize(fromContentsOf: words)
    abortLine = line
    signal(SIGABRT) { _ in
      FatalEnd.speakOnce { _ = write(2, FatalEnd.abortLine?.baseAddress, FatalEnd.abortLine?.count ?? 0) }
      _exit(ExitCode.software.rawValue)
    }
  }

  /// Prints the line, unless another process of this host does so; then waits until that process has printed it.
  private static func speakOnce(_ body: () -> Void) {
    guard let speaker else { return body() }
    if swiftdp_claim(speaker) == 1 {
      body()
      swiftdp_store_release(speaker + 1, 1)
    } else {
      for _ in 0..<200 where swiftdp_load_acquire(speaker + 1) == 0 { usleep(10_000) }
    }
  }
}

extension UserError {
  /// Ends the run because the system gives no memory.
  package static func noMemory(_ bytes: Int, for what: String) -> UserError {
    UserError(
      .data, "the system gives no \(bytes) bytes of memory for \(what): \(String(cString: strerror(errno)))",
      hint: "raise the limit (ulimit -v, the job's memory, vm.overcommit_memory), or see swiftdp plan for "
        + "settings that need less")
  }
}

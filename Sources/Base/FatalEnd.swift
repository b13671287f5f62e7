// The end of a run where an error cannot travel: memory that the system does not give, a library that fails in the
// middle of a kernel, a message that MPI cannot bring. Nothing that follows would be right.
import CProcessor
import Foundation
import Synchronization

/// Unlike a precondition it tells the user, also in targets that are built without checks.
package enum FatalEnd {
  /// The processes that must end with this one.
  package struct Company: Sendable {
    /// Which of them this one is, such as `rank 1 on node0`.
    let name: String
    /// Two words in memory that those of a host share: whether one of them speaks, and whether it has spoken.
    nonisolated(unsafe) let speaker: UnsafeMutablePointer<Int64>
    /// Ends them all.
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
  /// What a signal's handler needs: the line, which is never freed, and the two words.
  nonisolated(unsafe) private static var abortLine: UnsafeMutableBufferPointer<UInt8>?
  nonisolated(unsafe) private static var speaker: UnsafeMutablePointer<Int64>?

  /// From now on this process is one of several.
  package static func join(_ others: Company) {
    company.withLock { $0 = others }
    speaker = others.speaker
    tellOfAborts(name: others.name)
  }

  /// Says an error in one line and ends this process and those in its company, at once.
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

  /// Has a line follow where a library calls `abort`, as Swift's runtime does where it gets no memory for an array: it
  /// says why in words of its own, and nobody else would. Before any other handler is set.
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

  /// Speaks, unless another process of this host does so; then waits until it has spoken.
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
  /// Memory that the system does not give.
  package static func noMemory(_ bytes: Int, for what: String) -> UserError {
    UserError(
      .data, "the system gives no \(bytes) bytes of memory for \(what): \(String(cString: strerror(errno)))",
      hint: "raise the limit (ulimit -v, the job's memory, vm.overcommit_memory), or see swiftdp plan for "
        + "settings that need less")
  }
}

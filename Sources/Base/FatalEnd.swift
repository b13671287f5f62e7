// The end of a run where an error cannot travel: memory that the system does not give, a library that fails in the
// middle of a kernel, a message that MPI cannot bring. Nothing that follows would be right.
import Foundation
import Synchronization

/// Unlike a precondition it tells the user, also in targets that are built without checks.
package enum FatalEnd {
  /// The processes that must end with this one.
  package struct Company: Sendable {
    /// Which of them this one is, such as `rank 1 on node0`; empty where it is alone.
    let name: String
    /// Says a line, unless another one of this host has said its own.
    let tell: @Sendable (_ line: String) -> Void
    /// Ends them all.
    let end: @Sendable (ExitCode) -> Void

    package init(
      name: String, tell: @escaping @Sendable (String) -> Void, end: @escaping @Sendable (ExitCode) -> Void
    ) {
      self.name = name
      self.tell = tell
      self.end = end
    }
  }

  private static let company = Mutex<Company?>(nil)
  private static let hasBegun = Atomic(false)

  /// From now on this process is one of several.
  package static func join(_ others: Company) { company.withLock { $0 = others } }

  /// Says an error in one line and ends this process and those in its company, at once.
  package static func end(_ error: UserError) -> Never {
    // The threads of a pool often fail together.
    if hasBegun.exchange(true, ordering: .relaxed) { while true { sleep(1) } }
    let others = company.withLock { $0 }
    var error = error
    if let name = others?.name, !name.isEmpty { error.what = "\(name): \(error.what)" }
    let line = "swiftdp: \(error)\n"
    if let others { others.tell(line) } else { StandardStream.error.write(line) }
    others?.end(error.code)
    _exit(error.code.rawValue)
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

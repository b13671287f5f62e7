// Work beside the run's own, on a thread that gives way to others when cores are short.
import Foundation

package final class LowPriorityTask<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var result: Result<Value, any Error>?

  /// Starts at once; fails if the system gives no thread.
  package init(_ body: @escaping @Sendable () throws -> Value) {
    do {
      try SystemThread.start("swiftdp aside", stack: 1 << 20) { [self] in
        // On Linux this is the niceness of this thread only: other threads of the process keep theirs.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
        let result = Result { try body() }
        condition.withLock {
          self.result = result
          condition.broadcast()
        }
      }
    } catch {
      result = .failure(error)
    }
  }

  package var isDone: Bool { condition.withLock { result != nil } }

  /// Sleeps until the work is done.
  package func wait() -> Result<Value, any Error> {
    condition.withLock {
      while true {
        if let result { return result }
        condition.wait()
      }
    }
  }
}

extension Result {
  /// What went wrong; nil if nothing did.
  package var error: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}

// Work that is done beside the run's own, on a thread of its own that stands back where cores are short.
import Foundation

package final class LowPriorityTask<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var result: Result<Value, any Error>?

  /// Begins at once; fails where there can be no such thread.
  package init(_ body: @escaping @Sendable () throws -> Value) {
    do {
      try SystemThread.start("swiftdp aside", stack: 1 << 20) { [self] in
        // On Linux this is the thread's own niceness: others of the process keep theirs.
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

  /// Sleeps until it is done.
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
  /// What went wrong; nil where nothing has.
  package var error: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}

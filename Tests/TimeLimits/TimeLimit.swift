// A time limit that begins with the work. The trait `.timeLimit` begins earlier: when a thousand tests that share two
// cores are started, of which the last may wait for minutes.
import Foundation
import Synchronization

/// The work went on after its limit.
package struct TimeLimitExceeded: Error, CustomStringConvertible {
  package let seconds: Int
  package var description: String { "the work took more than \(seconds) s" }
}

private final class Outcome<Value: Sendable>: Sendable {
  let result = Mutex<Result<Value, any Error>?>(nil)
  let isThere = DispatchSemaphore(value: 0)
}

/// Runs `work` on a thread of its own and waits for it. A thread that does not end in time is left behind, so that the
/// tests after it still run.
/// - Parameter work: states no expectations: on its thread, Testing does not know which test they belong to.
/// - Throws: what `work` throws, or `TimeLimitExceeded`.
package func within<Value: Sendable>(
  seconds: Int, _ work: @escaping @Sendable () throws -> Value
) throws -> Value {
  let outcome = Outcome<Value>()
  let thread = Thread {
    let result = Result { try work() }
    outcome.result.withLock { $0 = result }
    outcome.isThere.signal()
  }
  thread.start()
  guard outcome.isThere.wait(timeout: .now() + .seconds(seconds)) == .success else {
    throw TimeLimitExceeded(seconds: seconds)
  }
  return try outcome.result.withLock { $0! }.get()
}

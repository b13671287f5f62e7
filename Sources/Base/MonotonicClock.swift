// The clock that steps, waits and watchers are timed by.
import Foundation

/// Nanoseconds of a clock that only goes forward, and that all processes of a host share.
package func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

// How many random faults a test makes: a few in every run of the tests, many with launch/test --faults.
import Foundation

enum FaultCount {
  /// SWIFTDP_FAULTS, or 10.
  static let count = ProcessInfo.processInfo.environment["SWIFTDP_FAULTS"].flatMap { Int($0) } ?? 10
}

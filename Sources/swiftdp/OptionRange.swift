// Options that are whole numbers, and their bounds.
import ArgumentParser
import Base

extension ParsableArguments {
  /// - Parameter value: nil if the option is not given.
  /// - Throws: `ValidationError` if the value is out of range.
  func check(_ option: String, _ value: Int?, in range: ClosedRange<Int>) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(option) is \(value), but must be \(range.words)")
  }

  /// The bounds are those of `parallel.threads`.
  func check(threads: Int?) throws { try check("--threads", threads, in: 1...1024) }
}

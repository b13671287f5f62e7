// Where the time of a step goes: matrix products, counted on every thread, and operations by name.
import Base
import Foundation
import Synchronization

/// Times collected while something runs. They are one rank's; the bench and traces ask for them.
package final class Profile: Sendable {
  private let productNanoseconds = Atomic<Int>(0)
  private let productOperations = Atomic<Int>(0)
  private let phases = Mutex<[(name: String, seconds: Double)]>([])

  /// One part of what ran, in nanoseconds of the monotonic clock.
  package struct Span: Sendable {
    package var name: String
    /// The layer of the model that it belongs to, if any.
    package var layer: Int?
    package var start: UInt64
    package var end: UInt64

    package init(name: String, layer: Int?, start: UInt64, end: UInt64) {
      (self.name, self.layer, self.start, self.end) = (name, layer, start, end)
    }
  }

  /// Nil while nothing is recorded.
  private let spans = Mutex<[Span]?>(nil)

  package init() {}

  /// From here on, every part is kept.
  package func record() { spans.withLock { $0 = $0 ?? [] } }

  /// Ends the recording.
  /// - Returns: the parts in the order of their ends.
  package func takeSpans() -> [Span] {
    spans.withLock { spans in
      defer { spans = nil }
      return spans ?? []
    }
  }

  /// Seconds of all threads inside matrix products.
  package var productSeconds: Double { Double(productNanoseconds.load(ordering: .relaxed)) * 1e-9 }
  /// Multiplications and additions of those products.
  package var products: Double { Double(productOperations.load(ordering: .relaxed)) }

  /// Seconds by name, the largest first.
  package var all: [(name: String, seconds: Double)] {
    phases.withLock { $0 }.sorted { $0.seconds > $1.seconds }
  }

  package func reset() {
    productNanoseconds.store(0, ordering: .relaxed)
    productOperations.store(0, ordering: .relaxed)
    phases.withLock { $0 = [] }
  }

  @inline(__always)
  func countProduct(m: Int, n: Int, k: Int, since start: UInt64) {
    productNanoseconds.add(Int(monotonicNanoseconds() - start), ordering: .relaxed)
    productOperations.add(2 * m * n * k, ordering: .relaxed)
  }

  /// Runs something and adds its time under a name.
  package func time<T>(_ name: String, layer: Int? = nil, _ body: () throws -> T) rethrows -> T {
    let start = monotonicNanoseconds()
    defer {
      let end = monotonicNanoseconds()
      spans.withLock { $0?.append(Span(name: name, layer: layer, start: start, end: end)) }
      let seconds = Double(end - start) * 1e-9
      phases.withLock { phases in
        if let index = phases.firstIndex(where: { $0.name == name }) {
          phases[index].seconds += seconds
        } else {
          phases.append((name, seconds))
        }
      }
    }
    return try body()
  }
}

extension Engine {
  /// Runs something, and times it under a name if a profile is collected.
  package func time<T>(_ name: String, _ body: () throws -> T) rethrows -> T {
    guard let profile else { return try body() }
    return try profile.time(name, body)
  }
}

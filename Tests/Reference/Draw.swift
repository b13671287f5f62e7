// Random inputs that are the same in every run, from Philox streams.
import Base

/// Numbers for tests, drawn in order.
package struct Draw {
  private var stream: PhiloxStream

  package init(_ stream: Int, seed: UInt64 = 20_240_607) {
    self.stream = PhiloxStream(seed: seed, stream: UInt64(stream))
  }

  /// Uniform in −scale...scale.
  package mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in Float(2 * stream.unit() - 1) * scale }
  }

  package mutating func below(_ bound: Int) -> Int { stream.below(bound) }

  package mutating func integers(_ count: Int, below bound: Int) -> [Int32] {
    (0..<count).map { _ in Int32(below(bound)) }
  }

  package mutating func chance(_ probability: Double) -> Bool { stream.unit() < probability }
}

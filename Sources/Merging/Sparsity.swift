// Leaves out parts of what fine-tuning added to a tensor.
import Base

/// Which parts stay.
enum Sparsity: Sendable {
  /// The largest, by magnitude.
  case magnitude
  /// Each with a probability.
  case random

  /// Sets the other parts to 0.
  /// - Parameters:
  ///   - density: the share that stays; 1 changes nothing.
  ///   - draw: the key of random draws.
  ///   - rescales: whether the sum of magnitudes stays as it was.
  func thin(_ delta: UnsafeMutableBufferPointer<Float>, to density: Double, draw: UInt64, rescales: Bool) {
    guard density < 1 else { return }
    let before = rescales ? Self.size(of: delta) : 0
    switch self {
    case .magnitude: Self.keepLargest(delta, density: density)
    case .random:
      var stream = PhiloxStream(seed: draw, stream: 0x6461_7265)
      for place in delta.indices where !(stream.unit() < density) { delta[place] = 0 }
    }
    guard rescales else { return }
    let after = Self.size(of: delta)
    guard before >= 1e-7, after >= 1e-7 else { return }
    let factor = Float(before / after)
    for place in delta.indices { delta[place] *= factor }
  }

  private static func size(of delta: UnsafeMutableBufferPointer<Float>) -> Double {
    delta.reduce(0.0) { $0 + Double(abs($1)) }
  }

  /// Of equal magnitudes, the first stay.
  private static func keepLargest(_ delta: UnsafeMutableBufferPointer<Float>, density: Double) {
    guard density > 0, !delta.isEmpty else { return delta.update(repeating: 0) }
    let kept = max(1, Int(density * Double(delta.count)))
    // The bits of a magnitude are in the order of magnitudes: the limit is found 16 bits at a time.
    func bits(_ number: Float) -> UInt32 { number.bitPattern & 0x7FFF_FFFF }
    func limit(_ wanted: Int, _ digit: (UInt32) -> Int?) -> (digit: Int, above: Int) {
      var counts = [Int](repeating: 0, count: 1 << 16)
      for number in delta { if let digit = digit(bits(number)) { counts[digit] += 1 } }
      var above = 0
      for digit in counts.indices.reversed() {
        if above + counts[digit] >= wanted { return (digit, above) }
        above += counts[digit]
      }
      return (0, above)
    }
    let high = limit(kept) { Int($0 >> 16) }
    let low = limit(kept - high.above) { Int($0 >> 16) == high.digit ? Int($0 & 0xFFFF) : nil }
    let least = UInt32(high.digit) << 16 | UInt32(low.digit)
    var atLimit = kept - high.above - low.above
    for place in delta.indices {
      let own = bits(delta[place])
      if own > least { continue }
      if own == least, atLimit > 0 { atLimit -= 1 } else { delta[place] = 0 }
    }
  }
}

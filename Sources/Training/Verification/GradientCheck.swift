// The gradient of a model against finite differences of its own loss.
import Base
import Datasets
import Tensors

/// One random direction.
package struct DirectionalDerivative: Sendable {
  /// The slope from the gradient.
  package var expected: Double
  /// The slope from losses beside the weights.
  package var measured: Double
  package var error: Double { abs(measured / expected - 1) }
}

extension Replica {
  /// Compares gradient and finite differences along random halves of the gradient.
  ///
  /// A direction takes each component of the gradient or leaves it out, at random. Along it the loss changes by far
  /// more than fp32 rounding; along a uniformly random direction it would not. Central differences at two distances
  /// are extrapolated (Richardson 1911), and taken nearer where the loss curves between the two.
  /// - Returns: one result per direction; fewer if the gradient is zero.
  package func checkGradient(_ batch: Batch, directions: Int, seed: UInt64) -> [DirectionalDerivative] {
    guard batch.targetCount > 0 else { return [] }
    let scale = 1 / Double(batch.targetCount)
    let count = layout.trainedCount
    let gradient = FlatMemory(count: count, label: "gradient check")
    // Without dropout, both sides see the same function.
    let base = trainWithoutDropout(batch) { segment, values in
      let range = layout.segments[segment].range
      (gradient.base + range.lowerBound).update(from: values, count: range.count)
    }
    let start = FlatMemory(count: count, label: "gradient check")
    start.base.update(from: weights.floats, count: count)
    defer { weights.floats.update(from: start.base, count: count) }
    var results: [DirectionalDerivative] = []
    for direction in 0..<directions {
      let taken = taken(count, seed: seed, direction: direction)
      var expected = 0.0
      for index in 0..<count where taken[index] {
        expected += Double(gradient.base[index]) * Double(gradient.base[index])
      }
      // NaN must not pass for zero.
      guard expected != 0 else { continue }
      // Far enough that the loss changes by two percent.
      var far = 0.01 * base * scale / expected
      func loss(_ distance: Double) -> Double {
        for index in 0..<count {
          let step = taken[index] ? distance * Double(gradient.base[index]) : 0
          weights.floats[index] = Float(Double(start.base[index]) + step)
        }
        return self.loss(batch) * scale
      }
      func slope(_ distance: Double) -> Double { (loss(distance) - loss(-distance)) / (2 * distance) }
      var (outer, inner) = (slope(far), slope(far / 2))
      // At a 256th of the distance, rounding is a few thousandths of the slope.
      for _ in 0..<4 where abs(outer / inner - 1) > 0.02 {
        far /= 4
        (outer, inner) = (slope(far), slope(far / 2))
      }
      results.append(DirectionalDerivative(expected: expected, measured: (4 * inner - outer) / 3))
    }
    return results
  }

  private func taken(_ count: Int, seed: UInt64, direction: Int) -> [Bool] {
    var stream = PhiloxStream(seed: seed, stream: UInt64(direction))
    var words: UInt64 = 0
    return (0..<count).map { index in
      if index % 64 == 0 { words = stream.next() }
      return words >> UInt64(index % 64) & 1 == 1
    }
  }
}

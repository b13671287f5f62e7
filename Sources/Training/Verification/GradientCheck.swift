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
  /// The square of the gradient's norm over the loss: how fast the loss falls at first, as a share of it.
  func steepness(_ batch: Batch) -> Double {
    var square = 0.0
    let loss = trainWithoutDropout(batch) { segment, values in
      for index in 0..<layout.segments[segment].range.count {
        square += Double(values[index]) * Double(values[index])
      }
    }
    return square * Double(batch.targetCount) / loss
  }

  /// Compares gradient and finite differences along random halves of the gradient.
  ///
  /// A direction takes each component of the gradient or leaves it out, at random. Along it the loss changes by far
  /// more than fp32 rounding; along a uniformly random direction it would not. Central differences at two distances
  /// are extrapolated (Richardson 1911), and taken ever nearer until two estimates agree (Ridders 1982).
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
      func extrapolated(_ distance: Double) -> Double { (4 * slope(distance / 2) - slope(distance)) / 3 }
      var (before, best, least) = (extrapolated(far), 0.0, Double.infinity)
      // From far away the loss curves, from nearby its rounding shows: between them, two estimates agree best.
      for _ in 0..<6 where least > 1e-3 {
        far /= 4
        let next = extrapolated(far)
        let change = abs(next / before - 1)
        if change < least { (least, best) = (change, next) }
        before = next
      }
      results.append(DirectionalDerivative(expected: expected, measured: best))
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

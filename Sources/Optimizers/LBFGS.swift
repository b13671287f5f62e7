// Minimises a smooth function of few numbers by its value and gradient alone (Liu & Nocedal 1989), in fp64.
import Foundation

/// Limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5, 3.6 and
/// 7.5).
package struct LBFGS {
  package struct Point: Sendable {
    package var x: [Double]
    package var value: Double
    package var gradient: [Double]
    /// The largest part of the gradient; not a number where some part is none.
    package var slope: Double {
      gradient.allSatisfy(\.isFinite) ? gradient.reduce(0) { max($0, abs($1)) } : .nan
    }
  }

  package struct Result: Sendable {
    package var point: Point
    package var iterations: Int
    /// Whether the gradient is within the tolerance.
    package var hasConverged: Bool
  }

  /// How many earlier steps the curvature is taken from.
  private static let history = 10
  private static let (sufficient, curvature) = (1e-4, 0.9)
  private static let mostTrials = 40

  /// - Parameters:
  ///   - start: where to begin.
  ///   - tolerance: the largest part of the gradient at which it ends.
  ///   - evaluate: the value and its gradient. It must give the same for the same numbers.
  package static func minimise(
    from start: [Double], tolerance: Double, mostIterations: Int,
    _ evaluate: ([Double]) throws -> (value: Double, gradient: [Double])
  ) rethrows -> Result {
    func point(_ x: [Double]) throws -> Point {
      let (value, gradient) = try evaluate(x)
      return Point(x: x, value: value, gradient: gradient)
    }
    var current = try point(start)
    var pairs: [(s: [Double], y: [Double], rho: Double)] = []
    var iterations = 0
    while !(current.slope <= tolerance), iterations < mostIterations {
      var direction = direction(current.gradient, pairs)
      var descent = dot(direction, current.gradient)
      if !(descent < 0) {
        pairs.removeAll()
        direction = current.gradient.map { -$0 }
        descent = dot(direction, current.gradient)
      }
      let first = pairs.isEmpty ? min(1, 1 / norm(current.gradient)) : 1
      guard
        let next = try search(from: current, along: direction, descent: descent, first: first, point)
      else { break }
      let s = zip(next.x, current.x).map { $0 - $1 }
      let y = zip(next.gradient, current.gradient).map { $0 - $1 }
      let product = dot(s, y)
      if product > 1e-12 * norm(s) * norm(y) {
        pairs.append((s, y, 1 / product))
        if pairs.count > history { pairs.removeFirst() }
      }
      current = next
      iterations += 1
    }
    return Result(point: current, iterations: iterations, hasConverged: current.slope <= tolerance)
  }

  /// The inverse curvature of earlier steps times the negative gradient.
  private static func direction(
    _ gradient: [Double], _ pairs: [(s: [Double], y: [Double], rho: Double)]
  ) -> [Double] {
    var q = gradient.map { -$0 }
    var shares: [Double] = []
    for (s, y, rho) in pairs.reversed() {
      let share = rho * dot(s, q)
      for index in q.indices { q[index] -= share * y[index] }
      shares.append(share)
    }
    if let (s, y, _) = pairs.last {
      let scale = dot(s, y) / dot(y, y)
      for index in q.indices { q[index] *= scale }
    }
    for ((s, y, rho), share) in zip(pairs, shares.reversed()) {
      let other = rho * dot(y, q)
      for index in q.indices { q[index] += (share - other) * s[index] }
    }
    return q
  }

  /// A point along a direction that is lower by enough and flatter by enough; nil if rounding leaves none.
  private static func search(
    from origin: Point, along direction: [Double], descent: Double, first: Double,
    _ point: ([Double]) throws -> Point
  ) rethrows -> Point? {
    func trial(_ length: Double) throws -> (point: Point, slope: Double) {
      let there = try point(zip(origin.x, direction).map { $0 + length * $1 })
      return (there, dot(there.gradient, direction))
    }
    func isLow(_ point: Point, _ length: Double) -> Bool {
      point.value <= origin.value + sufficient * length * descent
    }
    var low = (length: 0.0, point: origin, slope: descent)
    var high: Double?
    var length = first
    for _ in 0..<mostTrials {
      let (there, slope) = try trial(length)
      if !isLow(there, length) || there.value >= low.point.value && low.length > 0 {
        high = length
      } else if abs(slope) <= -curvature * descent {
        return there
      } else {
        if slope * ((high ?? .infinity) - low.length) >= 0 { high = low.length }
        low = (length, there, slope)
      }
      length = high.map { (low.length + $0) / 2 } ?? 2 * length
      if let high, abs(high - low.length) <= 1e-12 * max(1, low.length) { break }
    }
    // What is lower, if not flat enough, is still a step on.
    return low.length > 0 && low.point.value < origin.value ? low.point : nil
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for index in a.indices { sum += a[index] * b[index] }
    return sum
  }

  private static func norm(_ a: [Double]) -> Double { dot(a, a).squareRoot() }
}

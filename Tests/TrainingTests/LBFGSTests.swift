// Minima that are known.
import Foundation
import Optimizers
import Testing

@Suite struct LBFGSTests {
  @Test func rosenbrock() {
    let result = LBFGS.minimise(from: [-1.2, 1], tolerance: 1e-9, mostIterations: 200) { x in
      let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
      return (a * a + 100 * b * b, [-2 * a - 400 * x[0] * b, 200 * b])
    }
    #expect(result.hasConverged && result.iterations < 100)
    #expect(abs(result.point.x[0] - 1) < 1e-8 && abs(result.point.x[1] - 1) < 1e-8)
  }

  /// Curvatures from 0.1 to 100.
  @Test func aNarrowValley() {
    let count = 40
    let curvature = (0..<count).map { pow(10, 3 * Double($0) / Double(count - 1) - 1) }
    let result = LBFGS.minimise(
      from: [Double](repeating: 1, count: count), tolerance: 1e-8, mostIterations: 500
    ) { x in
      let pairs = zip(x, curvature)
      return (pairs.reduce(0) { $0 + 0.5 * $1.1 * $1.0 * $1.0 }, pairs.map { $0 * $1 })
    }
    #expect(result.hasConverged)
    #expect(result.point.x.allSatisfy { abs($0) < 1e-4 })
  }

  @Test func endsWhereItIsTold() {
    let result = LBFGS.minimise(from: [5], tolerance: 0, mostIterations: 1) { ($0[0] * $0[0], [2 * $0[0]]) }
    #expect(result.iterations <= 1 && result.point.value < 25)
    let there = LBFGS.minimise(from: [0], tolerance: 1e-9, mostIterations: 5) { ($0[0] * $0[0], [2 * $0[0]]) }
    #expect(there.iterations == 0 && there.hasConverged)
  }

  /// A number that is none ends the search, and is not called a minimum.
  @Test func notANumber() {
    let result = LBFGS.minimise(from: [1], tolerance: 1e-9, mostIterations: 5) { _ in (.nan, [.nan]) }
    #expect(!result.hasConverged)
  }
}

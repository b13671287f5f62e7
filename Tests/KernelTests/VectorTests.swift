// The exponential and the functions built on it, against Double over the whole range of fp32.
import Foundation
import Kernels
import Reference
import Testing

@Suite struct VectorTests {
  /// Applies a vector function to any number of values.
  private func apply(_ values: [Float], _ function: (SIMD16<Float>) -> SIMD16<Float>) -> [Float] {
    var results: [Float] = []
    for start in stride(from: 0, to: values.count, by: 16) {
      var vector = SIMD16<Float>()
      let count = min(16, values.count - start)
      for lane in 0..<count { vector[lane] = values[start + lane] }
      let result = function(vector)
      for lane in 0..<count { results.append(result[lane]) }
    }
    return results
  }

  /// Every 997th bit pattern of both signs, and a dense sweep of where the result is neither 0 nor infinite.
  static let sweep: [Float] =
    stride(from: UInt32(0), through: UInt32.max - 997, by: 997).map { Float(bitPattern: $0) }
    .filter { $0.isFinite } + stride(from: Float(-104), through: 89.5, by: 0.000_37)

  @Test func exponentialIsWithinTwoUlp() {
    let results = apply(Self.sweep) { exponential($0) }
    var worst = 0.0
    var normal = 0
    var monotone = true
    for (x, y) in zip(Self.sweep, results) {
      let want = Foundation.exp(Double(x))
      if x < -87.33654 {
        // Denormal and smaller results are flushed to 0.
        monotone = monotone && y == 0
      } else if x > 88.72283 {
        monotone = monotone && y == .infinity
      } else {
        let ulp = Double(Float(min(want, Double(Float.greatestFiniteMagnitude))).ulp)
        worst = max(worst, y.isNaN ? .infinity : abs(Double(y) - want) / ulp)
        normal += 1
      }
    }
    #expect(normal > 500_000)
    #expect(monotone, "0 below the range, infinity above")
    #expect(worst <= 2)
  }

  @Test func exponentialOfSpecials() {
    let results = apply([.infinity, -.infinity, 0, -0.0, .nan, .greatestFiniteMagnitude, -1e20, 88.72284]) {
      exponential($0)
    }
    #expect(Array(results[0..<4]) == [.infinity, 0, 1, 1])
    #expect(results[4].isNaN)
    #expect(Array(results[5...]) == [.infinity, 0, .infinity])
  }

  @Test func exponentialAtItsBounds() {
    // The last arguments on either side of the range, where n reaches the limits of the exponent's bits.
    let bounds: [Float] = [88.72283, Float(88.72283).nextDown, -87.33654, Float(-87.33654).nextUp]
    let results = apply(bounds) { exponential($0) }
    for (x, y) in zip(bounds, results) {
      #expect(abs(Double(y) / Foundation.exp(Double(x)) - 1) <= 3e-7, "\(x)")
    }
    #expect(apply([Float(-87.33654).nextDown], { exponential($0) }) == [0])
  }

  @Test func sigmoidIsClose() {
    let results = apply(Self.sweep) { sigmoid($0) }
    var relative = 0.0
    var checked = 0
    for (x, y) in zip(Self.sweep, results) {
      let want = Reference.sigmoid(Double(x))
      // Below -87 the result is denormal.
      if x > -87 {
        relative = max(relative, y.isNaN ? .infinity : abs(Double(y) / want - 1))
      } else {
        relative = max(relative, y >= 0 && y < 2e-38 ? 0 : .infinity)
      }
      checked += 1
    }
    #expect(checked > 500_000)
    #expect(relative <= 4e-7)
    let specials = apply([.infinity, -.infinity, .nan]) { sigmoid($0) }
    #expect(specials[0] == 1 && specials[1] == 0 && specials[2].isNaN)
  }

  @Test func rowsOfEveryLengthAreWalkedOnce() {
    var ran = 0
    for start in [0, 1, 5] {
      for count in 0...50 {
        let x = Floats((0..<60).map { Float($0) })
        let y = Floats(count: 60, of: -1)
        forEachVector(in: start..<start + count) { $0.store($0.load(x.base) + 1, y.base) }
        let want = (0..<60).map { start..<start + count ~= $0 ? Float($0) + 1 : -1 }
        #expect(y.values == want)
        ran += 1
      }
    }
    #expect(ran == 3 * 51)
  }

  @Test func totalAndLargest() {
    let ascending = SIMD16<Float>((0..<16).map { Float($0) })
    #expect(ascending.total == 120)
    for place in 0..<16 {
      var vector = SIMD16<Float>(repeating: -3)
      vector[place] = 5
      #expect(vector.largest == 5)
      #expect(vector.total == -40)
    }
  }
}

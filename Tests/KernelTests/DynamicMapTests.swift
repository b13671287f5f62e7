// The 8-bit maps: nearest values, and one step of 8-bit AdamW against the formula in fp64.
import Foundation
import Kernels
import Optimizers
import Reference
import Testing

@Suite struct DynamicMapTests {
  /// The values of the type as Dettmers 2016 describes it: the middles of equal parts of seven decades.
  private func formula(signed: Bool) -> [Double] {
    var values: [Double] = [0, 1]
    for decade in 0..<7 {
      let parts = 1 << (decade + (signed ? 0 : 1))
      for part in 0..<parts {
        let value = (0.1 + 0.9 * (Double(part) + 0.5) / Double(parts)) * pow(10, Double(decade - 6))
        values += signed ? [value, -value] : [value]
      }
    }
    return values.sorted()
  }

  @Test func valuesFollowTheFormula() {
    for map in [DynamicMap.signed, .unsigned] {
      let want = formula(signed: map.isSigned)
      #expect(map.values.count == 256 && want.count == 256)
      let near = zip(map.values, want).allSatisfy { abs(Double($0) - $1) <= 3e-7 * abs($1) }
      #expect(near)
      #expect(map.values[map.zero] == 0)
    }
  }

  @Test func codesAreThoseOfTheNearestValues() {
    var draw = Draw(95)
    for map in [DynamicMap.signed, .unsigned] {
      // All sizes, every value itself, and the numbers just beside every middle.
      var numbers = draw.floats(4096).enumerated().map { $1 * Float(pow(10, -Double($0 % 9))) }
      numbers += map.values
      for (a, b) in zip(map.values, map.values.dropFirst()) {
        let middle = (a + b) / 2
        numbers += [middle - 1e-5 * abs(middle), middle + 1e-5 * abs(middle)]
      }
      if !map.isSigned { numbers = numbers.map(abs) }
      numbers += [Float](repeating: 0, count: (16 - numbers.count % 16) % 16)
      for largest: Float in [1, 3e-9, 2e20] {
        var codes = [UInt8](repeating: 7, count: numbers.count)
        map.encode(
          numbers.map { $0 * largest }, count: numbers.count, scale: 1 / largest, into: &codes)
        var wrong = 0
        for (number, code) in zip(numbers, codes) {
          let distance = abs(Double(map.values[Int(code)]) - Double(number))
          let least = map.values.reduce(Double.infinity) { min($0, abs(Double($1) - Double(number))) }
          if !(distance <= least + 1e-6 * abs(Double(number))) { wrong += 1 }
        }
        #expect(wrong == 0, "signed \(map.isSigned), largest \(largest)")
      }
      #expect(numbers.count > 4800)
    }
  }

  /// One step from random codes, for ranges that begin anywhere in a block: moments and weights in fp64, and the
  /// nearest value of what is kept.
  @Test func aStepIsTheFormula() throws {
    var draw = Draw(96)
    let exact = AdamW(beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1)
    var ran = 0
    for (phase, count) in [
      (0, 4096), (0, 5000), (100, 4097), (255, 6001), (1024 + 17, 4600), (3 * 256, 4111),
    ] {
      let blocks = OptimizerState.blocks(phase: phase, count: count)
      let first = phase % 256
      let start = draw.floats(count)
      let gradients = Floats(draw.floats(count).enumerated().map { $1 * Float(pow(10, -Double($0 % 5))) })
      let old = (0..<2).map { moment in
        (
          codes: draw.integers(count, below: 256).map { UInt8($0) },
          scales: draw.floats(blocks).map { abs($0) * (moment == 0 ? 0.1 : 0.01) }
        )
      }
      let results = try onEveryEngine { engine in
        let w = Floats(start)
        let scales = old.map { Floats($0.scales) }
        var (mCodes, vCodes) = (old[0].codes, old[1].codes)
        mCodes.withUnsafeMutableBytes { m in
          vCodes.withUnsafeMutableBytes { v in
            AdamW8bit(exact).update(
              UpdateStretch(
                weights: w.base, gradients: gradients.input,
                states: [
                  nil, nil, m.baseAddress, UnsafeMutableRawPointer(scales[0].base), v.baseAddress,
                  UnsafeMutableRawPointer(scales[1].base),
                ], count: count, decays: true, phase: phase),
              step: 3, learningRate: 0.01, gradientScale: 0.5, engine: engine)
          }
        }
        return [w] + scales + [mCodes, vCodes].map { Floats($0.map { Float($0) }) }
      }
      var want = [Double](repeating: .nan, count: count)
      var moments = [[Double]](repeating: want, count: 2)
      let maps = [DynamicMap.signed, .unsigned]
      for index in 0..<count {
        let block = (first + index) / 256
        let g = Double(gradients.values[index]) * 0.5
        func before(_ moment: Int) -> Double {
          Double(maps[moment].values[Int(old[moment].codes[index])]) * Double(old[moment].scales[block])
        }
        moments[0][index] = exact.beta1 * before(0) + (1 - exact.beta1) * g
        moments[1][index] = exact.beta2 * before(1) + (1 - exact.beta2) * g * g
        let divisor = (moments[1][index] / (1 - pow(exact.beta2, 3))).squareRoot() + exact.epsilon
        want[index] =
          Double(start[index]) * (1 - 0.01 * exact.weightDecay)
          - 0.01 * moments[0][index] / (1 - pow(exact.beta1, 3)) / divisor
      }
      let size = want.reduce(0) { max($0, abs($1)) }
      expectClose(results[0], want, 1e-6, scale: size, "weights, \(phase) and \(count)")
      for moment in 0..<2 {
        var largest = [Double](repeating: 0, count: blocks)
        for index in 0..<count {
          largest[(first + index) / 256] = max(largest[(first + index) / 256], abs(moments[moment][index]))
        }
        expectClose(results[1 + moment], largest, 1e-6, "scales, \(phase) and \(count)")
        var wrong = 0
        for index in 0..<count {
          let number = moments[moment][index] / largest[(first + index) / 256]
          let value = Double(maps[moment].values[Int(results[3 + moment][index])])
          let least = maps[moment].values.reduce(Double.infinity) { min($0, abs(Double($1) - number)) }
          if !(abs(value - number) <= least + 2e-6 * max(abs(number), 1e-3)) { wrong += 1 }
        }
        #expect(wrong == 0, "codes of moment \(moment), \(phase) and \(count)")
      }
      ran += 1
    }
    #expect(ran == 6)
  }
}

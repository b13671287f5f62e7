// The loss of pairs of rewards and the logistic function: values, gradients and sums, and numbers that overflow.
import Foundation
import Kernels
import Reference
import Testing

@Suite struct PairLossTests {
  @Test func lossGradientAndSums() throws {
    var draw = Draw(71)
    var ran = 0
    let engine = try Engine(threads: 1)
    for pairs in [1, 4, 17] {
      for (size, centering): (Float, Double) in [(1, 0), (30, 0), (2, 0.01)] {
        let z = Floats(draw.floats(2 * pairs, scale: size))
        let margins = draw.floats(2 * pairs, scale: 2)
        let dz = Floats(count: z.count)
        var counts = [Double](repeating: 0, count: PairCounts.count)
        let loss = counts.withUnsafeMutableBufferPointer {
          engine.pairLoss(
            z.input, pairs: pairs, margins: margins, centering: centering, scale: 0.25, dz: dz.base,
            counts: PairCounts($0.baseAddress!))
        }
        func formula(_ z: [Double]) -> Double {
          stride(from: 0, to: z.count, by: 2).reduce(0) { sum, first in
            let lead = z[first] - z[first + 1] - Double(margins[first])
            return sum + log1p(exp(-lead)) + centering * pow(z[first] + z[first + 1], 2)
          }
        }
        let zD = doubles(z.values)
        #expect(abs(loss / formula(zD) - 1) <= 1e-9)
        expectClose(dz.values, slopes(of: formula, at: zD).map { $0 / 4 }, 2e-6, scale: 1, "\(pairs) pairs")
        let better = stride(from: 0, to: zD.count, by: 2).map { zD[$0] }
        let worse = stride(from: 1, to: zD.count, by: 2).map { zD[$0] }
        #expect(abs(counts[0] - better.reduce(0, +)) <= 1e-9 && abs(counts[1] - worse.reduce(0, +)) <= 1e-9)
        #expect(counts[2] == Double(zip(better, worse).count { $0 > $1 }))
        ran += 1
      }
    }
    #expect(ran == 9)
  }

  @Test func largeNumbersDoNotOverflow() {
    #expect(logistic(-1000) == 0 && logistic(1000) == 1 && logistic(0) == 0.5)
    #expect(softplus(-1000) == 0 && softplus(1000) == 1000)
    #expect(abs(softplus(0) - log(2)) <= 1e-15)
    #expect(logistic(.nan).isNaN && softplus(.nan).isNaN)
  }
}

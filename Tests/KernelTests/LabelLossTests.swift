// The loss of labels: value, gradient and counts against fp64, rows without a label, numbers that are not finite.
import Foundation
import Kernels
import Reference
import Testing

@Suite struct LabelLossTests {
  private func run(
    _ z: Floats, labels: Int, _ rowLabels: [Float], scale: Float = 1
  ) throws -> (loss: Double, dz: Floats, counts: [Double]) {
    let dz = Floats(count: z.count)
    var counts = [Double](repeating: 0, count: 3 * labels)
    let engine = try Engine(threads: 1)
    let loss = counts.withUnsafeMutableBufferPointer {
      engine.labelLoss(
        z.input, rows: rowLabels.count, labels: labels, label: { Int(rowLabels[$0]) }, scale: scale,
        dz: dz.base,
        counts: LabelCounts($0.baseAddress!, labels: labels))
    }
    return (loss, dz, counts)
  }

  @Test func lossGradientAndCounts() throws {
    var draw = Draw(70)
    var ran = 0
    for (rows, labels) in [(1, 2), (4, 3), (7, 17), (33, 2), (5, 100)] {
      for size: Float in [1, 40] {
        let z = Floats(draw.floats(rows * labels, scale: size))
        let rowLabels = (0..<rows).map { row in row % 5 == 3 ? -1 : Float(draw.below(labels)) }
        let result = try run(z, labels: labels, rowLabels, scale: 0.25)
        let targets = rowLabels.map { Int32($0) }
        func loss(_ z: [Double]) -> Double {
          Reference.crossEntropy(z, vocabulary: labels, targets: targets)
        }
        let zD = doubles(z.values)
        let want = loss(zD)
        #expect(abs(result.loss - want) <= 1e-6 * max(1, want))
        let slopes = slopes(of: loss, at: zD).map { $0 / 4 }
        expectClose(result.dz.values, slopes, 2e-6, scale: 1, "\(rows) x \(labels)")
        let rowsOfZ = (0..<rows).map { Array(z.values[$0 * labels..<($0 + 1) * labels]) }
        for label in 0..<labels {
          let given = rowsOfZ.map { row in row.indices.max { row[$0] < row[$1] }! }
          let counted = zip(rowLabels, given).filter { $0.0 >= 0 }
          let have = counted.count { Int($0.0) == label }
          let both = counted.count { Int($0.0) == label && $0.1 == label }
          #expect(result.counts[label] == Double(have))
          #expect(result.counts[labels + label] == Double(counted.count { $0.1 == label }))
          #expect(result.counts[2 * labels + label] == Double(both))
        }
        ran += 1
      }
    }
    #expect(ran == 10)
  }

  @Test func whatIsNotFiniteShows() throws {
    var ran = 0
    for bad: Float in [.nan, .infinity] {
      for place in 0..<3 {
        var z: [Float] = [0.5, -1, 2]
        z[place] = bad
        let result = try run(Floats(z), labels: 3, [1])
        #expect(!result.loss.isFinite, "\(bad) at \(place)")
        ran += 1
      }
    }
    #expect(ran == 6)
  }
}

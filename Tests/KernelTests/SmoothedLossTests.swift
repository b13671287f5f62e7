// Cross-entropy with targets that are smoothed over the vocabulary, and noise on embeddings.
import Foundation
import Kernels
import Reference
import Tensors
import Testing

@Suite struct SmoothedLossTests {
  /// The sum of LabelSmoother's losses of the rows that have a target.
  private static func loss(
    _ logits: [Double], _ targets: [Int32], vocabulary: Int, smoothing: Double
  ) -> Double {
    targets.indices.filter { targets[$0] >= 0 }.reduce(0.0) { sum, row in
      let z = Array(logits[row * vocabulary..<(row + 1) * vocabulary])
      let peak = z.max() ?? 0
      let logSum = peak + log(z.reduce(0) { $0 + exp($1 - peak) })
      let own = logSum - z[Int(targets[row])]
      let spread = z.reduce(0) { $0 + logSum - $1 } / Double(vocabulary)
      return sum + (1 - smoothing) * own + smoothing * spread
    }
  }

  @Test(arguments: [(nil, 0.1), (1.5, 0.3), (nil, 0.9)] as [(Float?, Float)])
  func valuesAndSlopes(cap: Float?, smoothing: Float) throws {
    var draw = Draw(91)
    var ran = 0
    // The last case has more rows than a chunk holds.
    for (rows, columns, vocabulary) in [(1, 1, 1), (3, 2, 15), (16, 9, 33), (600, 3, 17)] {
      let shape = CrossEntropyShape(
        rows: rows, columns: columns, vocabulary: vocabulary, cap: cap, smoothing: smoothing)
      let (x, weight) = (
        Floats(draw.floats(rows * columns, scale: 2)), Floats(draw.floats(vocabulary * columns))
      )
      let targets = (0..<rows).map { _ in draw.chance(0.2) ? -1 : Int32(draw.below(vocabulary)) }
      let scale = Float(0.125)
      var losses: [Double] = []
      let results = try onEveryEngine { engine in
        let scratch = Floats(count: shape.scratchCount)
        let gradients = [Floats(count: x.count), Floats(count: weight.count)]
        for isLossAlone in [false, true] {
          losses.append(
            engine.crossEntropy(
              shape, x: x.input,
              weight: .float32(ConstMatrix(weight.input, rows: vocabulary, columns: columns)),
              targets: targets, scale: scale, dx: isLossAlone ? nil : gradients[0].base,
              dWeight: isLossAlone ? nil : gradients[1].base, scratch: scratch.base))
        }
        _ = scratch.values.count
        return gradients
      }
      func all(_ x: [Double], _ weight: [Double]) -> Double {
        let logits = Reference.linear(
          x, rows: rows, inputs: columns, weight: weight, outputs: vocabulary, outputByInput: true, bias: nil
        ).map { z in cap.map { Double($0) * tanh(z / Double($0)) } ?? z }
        return Self.loss(logits, targets, vocabulary: vocabulary, smoothing: Double(smoothing))
      }
      let (xD, weightD) = (doubles(x.values), doubles(weight.values))
      let want = all(xD, weightD)
      let what = "\(rows) x \(columns) onto \(vocabulary), cap \(cap ?? 0), smoothing \(smoothing)"
      #expect(losses.count == 6)
      for loss in losses {
        #expect(abs(loss - want) <= 1e-6 * max(1, want), "\(what): \(loss) and not \(want)")
      }
      let places = Array(stride(from: 0, to: xD.count, by: rows > 100 ? 31 : 1))
      expectClose(
        places.map { results[0][$0] },
        slopes(of: { all($0, weightD) * Double(scale) }, at: xD, places: places), 2e-6, scale: 0.5,
        what + ", dx")
      expectClose(
        results[1], slopes(of: { all(xD, $0) * Double(scale) }, at: weightD), 2e-6,
        scale: 0.5 * Double(rows).squareRoot(), what + ", dWeight")
      ran += 1
    }
    #expect(ran == 4)
  }

  /// Between its bounds, with the mean and the variance of the uniform distribution, and the same for a sample wherever it
  /// stands.
  @Test func noise() throws {
    let (length, columns, magnitude) = (40, 100, Float(0.5))
    func noise(_ engine: Engine, _ samples: [Int32], step: Int = 3) -> Floats {
      let y = Floats(count: samples.count * length * columns, of: 0)
      engine.addNoise(
        EmbeddingNoise(magnitude: magnitude, seed: 7, step: step, site: 2), sampleIDs: samples,
        length: length, rows: samples.count * length, columns: columns, to: y.base)
      return y
    }
    let all = try onEveryEngine { [noise($0, [4, 9, 1])] }[0]
    let numbers = all.map(Double.init)
    #expect(numbers.count == 12_000 && numbers.allSatisfy { abs($0) <= 0.5 })
    let mean = numbers.reduce(0, +) / 12_000
    let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 12_000
    // Four standard errors.
    #expect(abs(mean) < 0.0106 && abs(variance - 1 / 12.0) < 0.0028, "\(mean), \(variance)")
    let engine = try Engine(threads: 1)
    #expect(noise(engine, [9]).values == Array(all[4000..<8000]))
    #expect(noise(engine, [9], step: 4).values != Array(all[4000..<8000]))
  }
}

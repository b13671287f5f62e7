// Predictions that are kept near those of another model: loss, divergence and gradients against fp64.
import Foundation
import Kernels
import Reference
import Tensors
import Testing

@Suite struct SoftTargetTests {
  private static func logarithms(_ logits: ArraySlice<Double>) -> [Double] {
    let peak = logits.max() ?? 0
    let sum = logits.reduce(0) { $0 + exp($1 - peak) }
    return logits.map { $0 - peak - log(sum) }
  }

  private static func logits(
    _ x: [Double], _ weight: [Double], rows: Int, columns: Int, vocabulary: Int, cap: Float?
  ) -> [Double] {
    Reference.linear(
      x, rows: rows, inputs: columns, weight: weight, outputs: vocabulary, outputByInput: true, bias: nil
    ).map { z in cap.map { Double($0) * tanh(z / Double($0)) } ?? z }
  }

  /// The sum over the rows that have a target.
  private static func divergence(
    _ own: [Double], _ others: [Double], _ targets: [Int32], vocabulary: Int, _ form: SoftTargetShape
  ) -> Double {
    targets.indices.filter { targets[$0] >= 0 }.reduce(0.0) { sum, row in
      let range = row * vocabulary..<(row + 1) * vocabulary
      let temperature = Double(form.temperature)
      func scaled(_ z: [Double]) -> ArraySlice<Double> { z[range].map { $0 / temperature }[...] }
      let (q, p) = (logarithms(scaled(others)), logarithms(scaled(own)))
      switch form.divergence {
      case .kl: return sum + zip(q, p).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
      case .reverse: return sum + zip(q, p).reduce(0) { $0 + exp($1.1) * ($1.1 - $1.0) }
      case .mse:
        return sum
          + zip(others[range], own[range]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          / Double(vocabulary)
      case .jsd:
        let beta = Double(form.beta)
        return sum
          + zip(q, p).reduce(0.0) {
            let mixed = log(beta * exp($1.0) + (1 - beta) * exp($1.1))
            return $0 + beta * exp($1.0) * ($1.0 - mixed) + (1 - beta) * exp($1.1) * ($1.1 - mixed)
          }
      // Compared before they are projected: see below.
      case .hidden: return .nan
      }
    }
  }

  @Test(
    arguments: [
      (nil, SoftTargetShape(strength: 0.6)), (1.5, SoftTargetShape(strength: 0.6)),
      (nil, SoftTargetShape(hard: 0.3, strength: 2, temperature: 2, role: .loss)),
      (1.5, SoftTargetShape(hard: 0.3, strength: 0.5, temperature: 0.7, divergence: .reverse, role: .loss)),
      (nil, SoftTargetShape(hard: 0, strength: 1, temperature: 3, divergence: .reverse, role: .loss)),
      (1.5, SoftTargetShape(hard: 0.5, strength: 0.5, divergence: .mse, role: .loss)),
      (nil, SoftTargetShape(hard: 0.5, strength: 1, temperature: 0.9, divergence: .jsd, role: .loss)),
      (
        1.5,
        SoftTargetShape(hard: 0, strength: 2, temperature: 2, divergence: .jsd, beta: 0.2, role: .loss)
      ),
    ] as [(Float?, SoftTargetShape)])
  func valuesAndSlopes(cap: Float?, form: SoftTargetShape) throws {
    var draw = Draw(81)
    var ran = 0
    // The last case has more rows than a chunk holds.
    for (rows, columns, vocabulary, missing) in [
      (1, 1, 1, 0.0), (3, 2, 15, 0), (16, 9, 33, 0.4), (7, 5, 64, 0), (600, 3, 17, 0.2),
    ] {
      let others = columns + 3
      let scale = Float(0.125)
      var form = form
      form.columns = others
      let (x, weight) = (
        Floats(draw.floats(rows * columns, scale: 2)), Floats(draw.floats(vocabulary * columns))
      )
      let (softX, softWeight) = (
        Floats(draw.floats(rows * others, scale: 2)), Floats(draw.floats(vocabulary * others))
      )
      let targets = (0..<rows).map { _ in draw.chance(missing) ? -1 : Int32(draw.below(vocabulary)) }
      let shape = CrossEntropyShape(
        rows: rows, columns: columns, vocabulary: vocabulary, cap: cap, soft: form)
      var losses: [Double] = []
      var divergences: [Double] = []
      let results = try onEveryEngine { engine in
        let scratch = Floats(count: shape.scratchCount)
        let gradients = [Floats(count: x.count), Floats(count: weight.count)]
        for isLossAlone in [false, true] {
          var divergence = Double.nan
          losses.append(
            engine.crossEntropy(
              shape, x: x.input,
              weight: .float32(ConstMatrix(weight.input, rows: vocabulary, columns: columns)),
              targets: targets, scale: scale,
              soft: SoftTargets(
                x: softX.input, columns: others,
                weight: .float32(ConstMatrix(softWeight.input, rows: vocabulary, columns: others)),
                type: .float32, cap: cap), divergence: &divergence,
              dx: isLossAlone ? nil : gradients[0].base, dWeight: isLossAlone ? nil : gradients[1].base,
              scratch: scratch.base))
          divergences.append(divergence)
        }
        _ = scratch.values.count
        return gradients
      }
      let what = "\(rows) x \(columns) onto \(vocabulary), cap \(cap ?? 0), \(form.divergence)"
      let soft = Self.logits(
        doubles(softX.values), doubles(softWeight.values), rows: rows, columns: others,
        vocabulary: vocabulary,
        cap: cap)
      func parts(_ x: [Double], _ weight: [Double]) -> (loss: Double, divergence: Double) {
        let own = Self.logits(x, weight, rows: rows, columns: columns, vocabulary: vocabulary, cap: cap)
        return (
          Reference.crossEntropy(own, vocabulary: vocabulary, targets: targets),
          Self.divergence(own, soft, targets, vocabulary: vocabulary, form)
        )
      }
      func all(_ x: [Double], _ weight: [Double]) -> Double {
        let parts = parts(x, weight)
        return (Double(form.hard) * parts.loss + Double(form.strength) * parts.divergence) * Double(scale)
      }
      let (xD, weightD) = (doubles(x.values), doubles(weight.values))
      let want = parts(xD, weightD)
      #expect(losses.count == 6)
      for loss in losses { #expect(abs(loss - want.loss) <= 1e-6 * max(1, want.loss), "\(what)") }
      for divergence in divergences {
        #expect(abs(divergence - want.divergence) <= 2e-6 * max(1, want.divergence), "\(what)")
      }
      let places = Array(stride(from: 0, to: xD.count, by: rows > 100 ? 31 : 1))
      expectClose(
        places.map { results[0][$0] }, slopes(of: { all($0, weightD) }, at: xD, places: places), 2e-6,
        scale: 0.5, what + ", dx")
      expectClose(
        results[1], slopes(of: { all(xD, $0) }, at: weightD), 2e-6,
        scale: 0.5 * Double(rows).squareRoot(), what + ", dWeight")
      for (row, target) in targets.enumerated() where target < 0 {
        #expect(results[0][row * columns..<(row + 1) * columns].allSatisfy { $0 == 0 }, "row \(row)")
      }
      ran += 1
    }
    #expect(ran == 5)
  }

  /// Hidden states of one width, beside a part of the cross-entropy.
  @Test func hiddenStates() throws {
    var draw = Draw(82)
    var ran = 0
    for (rows, columns, vocabulary) in [(3, 2, 15), (16, 9, 33), (7, 21, 40), (600, 3, 17)] {
      let form = SoftTargetShape(
        columns: columns, hard: 0.25, strength: 1.5, divergence: .hidden, role: .loss)
      let (x, weight) = (
        Floats(draw.floats(rows * columns, scale: 2)), Floats(draw.floats(vocabulary * columns))
      )
      let softX = Floats(draw.floats(rows * columns, scale: 2))
      let targets = (0..<rows).map { _ in draw.chance(0.3) ? -1 : Int32(draw.below(vocabulary)) }
      let shape = CrossEntropyShape(rows: rows, columns: columns, vocabulary: vocabulary, soft: form)
      let scale = Float(0.125)
      var divergences: [Double] = []
      let dx = try onEveryEngine { engine in
        let scratch = Floats(count: shape.scratchCount)
        let gradients = [Floats(count: x.count)]
        var divergence = Double.nan
        let matrix = Operand.float32(ConstMatrix(weight.input, rows: vocabulary, columns: columns))
        _ = engine.crossEntropy(
          shape, x: x.input, weight: matrix, targets: targets, scale: scale,
          soft: SoftTargets(x: softX.input, columns: columns, weight: matrix, type: .float32, cap: nil),
          divergence: &divergence, dx: gradients[0].base, dWeight: nil, scratch: scratch.base)
        divergences.append(divergence)
        _ = scratch.values.count
        return gradients
      }[0]
      let (weightD, softD) = (doubles(weight.values), doubles(softX.values))
      func gap(_ x: [Double]) -> Double {
        targets.indices.filter { targets[$0] >= 0 }.reduce(0.0) { sum, row in
          sum
            + (row * columns..<(row + 1) * columns).reduce(0.0) { $0 + pow(x[$1] - softD[$1], 2) }
            / Double(columns)
        }
      }
      func all(_ x: [Double]) -> Double {
        let logits = Self.logits(
          x, weightD, rows: rows, columns: columns, vocabulary: vocabulary, cap: nil)
        let hard = Reference.crossEntropy(logits, vocabulary: vocabulary, targets: targets)
        return (0.25 * hard + 1.5 * gap(x)) * Double(scale)
      }
      let xD = doubles(x.values)
      for divergence in divergences { #expect(abs(divergence - gap(xD)) <= 1e-6 * max(1, gap(xD))) }
      let places = Array(stride(from: 0, to: xD.count, by: rows > 100 ? 31 : 1))
      expectClose(
        places.map { dx[$0] }, slopes(of: all, at: xD, places: places), 3e-6, scale: 1,
        "\(rows) x \(columns)")
      ran += 1
    }
    #expect(ran == 4)
  }
}

// The vocabulary projection with its loss: values and gradients against fp64, large logits, missing targets.
import Foundation
import Kernels
import Reference
import Tensors
import Testing

@Suite struct CrossEntropyTests {
  private struct Case {
    let shape: CrossEntropyShape
    let x, weight: Floats
    let targets: [Int32]
    var scale: Float = 1
    var bias: Floats?

    /// The loss, and on request dx, dWeight and dBias, which start as NaN.
    func run(_ engine: Engine, dx: Bool = true, dWeight: Bool = true, dBias: Bool = true) -> (
      loss: Double, dx: Floats, dWeight: Floats, dBias: Floats
    ) {
      let scratch = Floats(count: shape.scratchCount)
      let gradients = (Floats(count: x.count), Floats(count: weight.count), Floats(count: shape.vocabulary))
      let loss = engine.crossEntropy(
        shape, x: x.input,
        weight: .float32(ConstMatrix(weight.input, rows: shape.vocabulary, columns: shape.columns)),
        bias: bias?.input, targets: targets, scale: scale,
        dx: dx ? gradients.0.base : nil, dWeight: dWeight ? gradients.1.base : nil,
        dBias: bias != nil && dBias ? gradients.2.base : nil, scratch: scratch.base)
      // Checks the guards of the scratch.
      _ = scratch.values.count
      return (loss, gradients.0, gradients.1, gradients.2)
    }

    func loss(_ x: [Double], _ weight: [Double], _ bias: [Double]? = nil) -> Double {
      let logits = Reference.linear(
        x, rows: shape.rows, inputs: shape.columns, weight: weight, outputs: shape.vocabulary,
        outputByInput: true, bias: bias
      ).map { z in
        let z = z / Double(shape.temperature)
        return shape.cap.map { Double($0) * tanh(z / Double($0)) } ?? z
      }
      return Reference.crossEntropy(logits, vocabulary: shape.vocabulary, targets: targets)
    }
  }

  private func make(
    _ rows: Int, _ columns: Int, _ vocabulary: Int, missing: Double, draw: inout Draw, size: Float = 1,
    scale: Float = 1, cap: Float? = nil, temperature: Float = 1
  ) -> Case {
    let targets = (0..<rows).map { _ in draw.chance(missing) ? -1 : Int32(draw.below(vocabulary)) }
    return Case(
      shape: CrossEntropyShape(
        rows: rows, columns: columns, vocabulary: vocabulary, cap: cap, temperature: temperature),
      x: Floats(draw.floats(rows * columns, scale: size)), weight: Floats(draw.floats(vocabulary * columns)),
      targets: targets, scale: scale)
  }

  /// Logits of 512 rows would take gigabytes with a large vocabulary; fewer are computed at once.
  @Test func scratchIsBounded() {
    var checked = 0
    for vocabulary in [50_257, 65_536, 128_256, 151_936, 262_144] {
      let shape = CrossEntropyShape(rows: 4096, columns: 640, vocabulary: vocabulary)
      #expect(shape.chunk == 512 || vocabulary > 65_536)
      #expect(shape.chunk >= 128)
      #expect(shape.scratchCount * 4 <= 1 << 27 + shape.chunk * 2 * 640 * 4 + (4096 + 512) * 4)
      checked += 1
    }
    #expect(checked == 5)
  }

  /// Rows beyond a chunk of a large vocabulary, against the same rows one half after the other.
  @Test func rowsBeyondAChunkOfALargeVocabulary() throws {
    var draw = Draw(63)
    let engine = try Engine(threads: 2)
    let whole = make(480, 3, 70_000, missing: 0, draw: &draw)
    #expect(whole.shape.chunk < 480)
    let (x, targets) = (whole.x.values, whole.targets)
    let halves = [0..<240, 240..<480].map { rows in
      Case(
        shape: CrossEntropyShape(rows: 240, columns: 3, vocabulary: 70_000),
        x: Floats(Array(x[3 * rows.lowerBound..<3 * rows.upperBound])), weight: whole.weight,
        targets: Array(targets[rows])
      ).run(engine)
    }
    let result = whole.run(engine)
    #expect(abs(result.loss / halves.reduce(0) { $0 + $1.loss } - 1) < 1e-9)
    expectClose(result.dx.values, doubles(halves.flatMap { $0.dx.values }), 1e-6, scale: 1, "dx")
    let dWeight = zip(halves[0].dWeight.values, halves[1].dWeight.values).map { Double($0) + Double($1) }
    expectClose(result.dWeight.values, dWeight, 1e-5, scale: 1, "dW")
  }

  @Test(arguments: [(nil, 1), (1.5, 1), (nil, 0.7), (nil, 3), (1.5, 0.7)])
  func valuesAndSlopes(cap: Float?, temperature: Float) throws {
    var draw = Draw(60)
    var ran = 0
    // The last cases have more rows than a chunk holds.
    for (rows, columns, vocabulary, missing) in [
      (1, 1, 1, 0.0), (3, 2, 15, 0), (15, 3, 16, 0.3), (16, 17, 33, 0.5), (33, 8, 100, 0.9),
      (1030, 3, 17, 0.1),
      (600, 5, 3, 0.5),
    ] {
      let test = make(
        rows, columns, vocabulary, missing: missing, draw: &draw, size: 2, scale: 0.125, cap: cap,
        temperature: temperature)
      var losses: [Double] = []
      let results = try onEveryEngine { engine in
        let result = test.run(engine)
        losses += [result.loss, test.run(engine, dx: false, dWeight: false).loss]
        losses += [test.run(engine, dWeight: false).loss, test.run(engine, dx: false).loss]
        return [result.dx, result.dWeight]
      }
      let what = "\(rows) x \(columns) onto \(vocabulary), cap \(cap ?? 0), temperature \(temperature)"
      let (xD, weightD) = (doubles(test.x.values), doubles(test.weight.values))
      let want = test.loss(xD, weightD)
      #expect(losses.count == 12)
      for loss in losses { #expect(abs(loss - want) <= 1e-6 * max(1, want), "\(what)") }
      // Loss alone and loss with gradients divide differently, but threads change nothing.
      #expect(losses[0] == losses[4] && losses[0] == losses[8])

      // A temperature divides slopes as well. One costs the whole loss, so only every 31st is taken of the large ones.
      let step = rows > 100 ? 31 : 1
      let xPlaces = Array(stride(from: 0, to: xD.count, by: step))
      let dx = slopes(of: { test.loss($0, weightD) }, at: xD, places: xPlaces).map { $0 * 0.125 }
      expectClose(
        xPlaces.map { results[0][$0] }, dx, 1e-6, scale: 0.125 * 2 / Double(temperature), what + ", dx")
      let dWeight = slopes(of: { test.loss(xD, $0) }, at: weightD).map { $0 * 0.125 }
      expectClose(
        results[1], dWeight, 1e-6, scale: 0.25 * Double(rows).squareRoot() / Double(temperature),
        what + ", dWeight")
      for (row, target) in test.targets.enumerated() where target < 0 {
        #expect(results[0][row * columns..<(row + 1) * columns].allSatisfy { $0 == 0 }, "row \(row)")
      }
      ran += 1
    }
    #expect(ran == 7)
  }

  /// In bfloat16, rows are rounded once they are divided, and gradients before they are multiplied.
  @Test(arguments: [1, 0.7, 3]) func temperatureInHalves(temperature: Float) throws {
    var draw = Draw(66)
    let (rows, columns, vocabulary) = (9, 32, 48)
    let test = make(
      rows, columns, vocabulary, missing: 0.2, draw: &draw, scale: 0.125, temperature: temperature)
    func halves(_ values: [Float]) -> [BFloat16] { values.map { BFloat16(rounding: $0) } }
    let weight = halves(test.weight.values)
    let shape = CrossEntropyShape(
      rows: rows, columns: columns, vocabulary: vocabulary, type: .bfloat16, temperature: temperature)
    let engine = try Engine(threads: 1)
    let (scratch, dx) = (Floats(count: shape.scratchCount), Floats(count: test.x.count))
    let loss = weight.withUnsafeBufferPointer { weight in
      engine.crossEntropy(
        shape, x: test.x.input,
        weight: .bfloat16(HalfMatrix(weight.baseAddress!, rows: vocabulary, columns: columns)),
        targets: test.targets, scale: 0.125, dx: dx.base, dWeight: nil, scratch: scratch.base)
    }
    // The reference divides logits, so that rows are multiplied again.
    let rounded = halves(test.x.values.map { $0 * (1 / temperature) }).map {
      Double($0.float) * Double(temperature)
    }
    let weightD = weight.map { Double($0.float) }
    let want = test.loss(rounded, weightD)
    #expect(abs(loss / want - 1) <= 1e-5, "\(loss), and \(want) is right")
    let slopes = slopes(of: { test.loss($0, weightD) }, at: rounded).map { $0 * 0.125 }
    expectClose(dx.values, slopes, 1e-2, scale: 0.125, "dx at temperature \(temperature)")
  }

  /// A number for each word beside the product: loss and gradients against fp64.
  @Test func bias() throws {
    var draw = Draw(64)
    var ran = 0
    for (rows, columns, vocabulary, missing) in [
      (1, 1, 1, 0.0), (3, 2, 15, 0), (16, 17, 33, 0.5), (600, 5, 3, 0.5), (1030, 3, 17, 0.1),
    ] {
      var test = make(rows, columns, vocabulary, missing: missing, draw: &draw, size: 2, scale: 0.125)
      test.bias = Floats(draw.floats(vocabulary, scale: 3))
      var losses: [Double] = []
      let results = try onEveryEngine { [test] engine in
        let result = test.run(engine)
        losses += [result.loss, test.run(engine, dx: false, dWeight: false, dBias: false).loss]
        losses.append(test.run(engine, dx: false, dWeight: false).loss)
        return [result.dx, result.dWeight, result.dBias]
      }
      let what = "\(rows) x \(columns) onto \(vocabulary) with a bias"
      let (xD, weightD) = (doubles(test.x.values), doubles(test.weight.values))
      let biasD = doubles(test.bias!.values)
      let want = test.loss(xD, weightD, biasD)
      #expect(losses.count == 9)
      for loss in losses { #expect(abs(loss - want) <= 1e-6 * max(1, want), "\(what)") }
      let step = rows > 100 ? 31 : 1
      let xPlaces = Array(stride(from: 0, to: xD.count, by: step))
      let dx = slopes(of: { test.loss($0, weightD, biasD) }, at: xD, places: xPlaces).map { $0 * 0.125 }
      expectClose(
        xPlaces.map { results[0][$0] }, dx, 1e-6, scale: 0.125 * 2, what + ", dx")
      let dWeight = slopes(of: { test.loss(xD, $0, biasD) }, at: weightD).map { $0 * 0.125 }
      expectClose(
        results[1], dWeight, 1e-6, scale: 0.25 * Double(rows).squareRoot(),
        what + ", dWeight")
      let dBias = slopes(of: { test.loss(xD, weightD, $0) }, at: biasD).map { $0 * 0.125 }
      expectClose(results[2], dBias, 1e-6, scale: 0.25 * Double(rows).squareRoot(), what + ", dBias")
      ran += 1
    }
    #expect(ran == 5)
  }

  /// A factor for each row, behind a run for the losses alone: with one chunk of rows and with several.
  @Test(arguments: [nil, 1.5]) func factorsOfRows(cap: Float?) throws {
    var draw = Draw(65)
    var ran = 0
    for (rows, columns, vocabulary, missing) in [(3, 2, 15, 0.0), (33, 8, 100, 0.4), (1030, 3, 17, 0.1)] {
      let test = make(
        rows, columns, vocabulary, missing: missing, draw: &draw, size: 2, scale: 0.125, cap: cap)
      let factors = draw.floats(rows, scale: 3)
      let results = try onEveryEngine { engine in
        let weight = Operand.float32(ConstMatrix(test.weight.input, rows: vocabulary, columns: columns))
        let (scratch, dx) = (Floats(count: test.shape.scratchCount), Floats(count: test.x.count))
        let dWeight = Floats(count: test.weight.count)
        var losses = [Double](repeating: 0, count: rows)
        let first = engine.crossEntropy(
          test.shape, x: test.x.input, weight: weight, targets: test.targets, scale: 0.125, losses: &losses,
          dx: nil, dWeight: nil, scratch: scratch.base)
        let second = engine.crossEntropy(
          test.shape, x: test.x.input, weight: weight, targets: test.targets, scale: 0.125, slopes: factors,
          isSecond: true, dx: dx.base, dWeight: dWeight.base, scratch: scratch.base)
        #expect(abs(first / second - 1) <= 1e-6)
        #expect(abs(losses.filter { !$0.isNaN }.reduce(0, +) / first - 1) <= 1e-9)
        #expect(zip(losses, test.targets).allSatisfy { $0.0.isNaN == ($0.1 < 0) })
        return [dx, dWeight]
      }
      // The factor of a row is that of its gradient; the sum over rows is that of single rows.
      let engine = try Engine(threads: 1)
      let plain = test.run(engine)
      let dx = plain.dx.values.enumerated().map { Double($0.element) * Double(factors[$0.offset / columns]) }
      expectClose(results[0], dx, 1e-6, scale: 1, "dx")
      var dWeight = [Double](repeating: 0, count: test.weight.count)
      for row in stride(from: 0, to: rows, by: 1) where test.targets[row] >= 0 {
        let alone = Case(
          shape: CrossEntropyShape(rows: 1, columns: columns, vocabulary: vocabulary, cap: cap),
          x: Floats(Array(test.x.values[row * columns..<(row + 1) * columns])), weight: test.weight,
          targets: [test.targets[row]], scale: 0.125
        ).run(engine, dx: false)
        for (place, value) in alone.dWeight.values.enumerated() {
          dWeight[place] += Double(value) * Double(factors[row])
        }
      }
      expectClose(results[1], dWeight, 2e-6, scale: Double(rows).squareRoot(), "dWeight")
      ran += 1
    }
    #expect(ran == 3)
  }

  @Test func noTargetsAtAll() throws {
    var draw = Draw(61)
    var test = make(20, 5, 33, missing: 1, draw: &draw)
    test.bias = Floats(draw.floats(33))
    let results = try onEveryEngine { [test] engine in
      let result = test.run(engine)
      #expect(result.loss == 0)
      return [result.dx, result.dWeight, result.dBias]
    }
    #expect(results[2].allSatisfy { $0 == 0 })
    #expect(results[0].allSatisfy { $0 == 0 })
    #expect(results[1].allSatisfy { $0 == 0 })
  }

  @Test func logitsOfTenThousand() throws {
    // Row r looks at token r's own direction: logits are ±1e4 and 0.
    let columns = 3
    let x = Floats([1e4, 0, 0, 0, -1e4, 0, 0, 0, 1e4])
    let weight = Floats([1, 0, 0, 0, 1, 0, 0, 0, 1])
    let test = Case(
      shape: CrossEntropyShape(rows: 3, columns: columns, vocabulary: 3), x: x, weight: weight,
      targets: [0, 1, 1])
    let result = test.run(try Engine(threads: 1))
    let want = test.loss(doubles(x.values), doubles(weight.values))
    #expect(want > 2e4)
    #expect(abs(result.loss - want) <= 1e-6 * want)
    #expect(result.dx.values == [0, 0, 0, 0.5, -1, 0.5, 0, -1, 1])
  }

  @Test func notANumberIsALossThatIsNotANumber() throws {
    var draw = Draw(62)
    var ran = 0
    for bad in [Float.nan, .infinity] {
      for place in [0, 7] {
        let test = make(4, 2, 40, missing: 0, draw: &draw)
        test.x.base[place] = bad
        let result = test.run(try Engine(threads: 1))
        #expect(result.loss.isNaN)
        #expect(result.dx.values[place].isNaN)
        // The row alone.
        #expect(result.dx.values.filter { $0.isNaN }.count == 2)
        #expect(result.dWeight.values.contains { $0.isNaN })
        #expect(!(test.run(try Engine(threads: 1), dx: false, dWeight: false).loss <= 1e30))
        ran += 1
      }
    }
    #expect(ran == 4)
  }
}

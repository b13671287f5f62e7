// RMS norm and layer norm: values, statistics and every gradient against fp64.
import Kernels
import Reference
import Testing

@Suite struct NormTests {
  /// Rows and columns. One column is the hardest case for layer norm: its output is the bias alone.
  static let shapes = [(1, 1), (1, 3), (3, 15), (5, 16), (15, 17), (17, 33), (33, 100), (40, 768)]
  static let epsilon: Float = 1e-5

  private struct Case {
    let rows: Int
    let columns: Int
    let centred: Bool
    let x, gain, bias, dy: Floats
    var biasD: [Double]? { centred ? doubles(bias.values) : nil }

    init(_ rows: Int, _ columns: Int, centred: Bool, draw: inout Draw, offset: Float = 0) {
      (self.rows, self.columns, self.centred) = (rows, columns, centred)
      x = Floats(draw.floats(rows * columns, scale: 3).map { $0 + offset })
      gain = Floats(draw.floats(columns))
      bias = Floats(draw.floats(columns))
      dy = Floats(draw.floats(rows * columns))
    }

    /// y, statistics, dx, dGain, dBias.
    func run(before: [Float]?) throws -> [[Float]] {
      try onEveryEngine { engine in
        let (y, statistics) = (Floats(count: rows * columns), Floats(count: rows * 2))
        engine.norm(
          x: x.input, gain: gain.input, bias: centred ? bias.input : nil, centred: centred,
          epsilon: NormTests.epsilon, rows: rows, columns: columns, y: y.base, statistics: statistics.base)
        let dx = Floats(before ?? [Float](repeating: .nan, count: rows * columns))
        engine.normBackwardInput(
          x: x.input, gain: gain.input, statistics: statistics.input, centred: centred, dy: dy.input,
          rows: rows, columns: columns, dx: dx.base, adding: before != nil)
        let start = before.map { Array($0[..<columns]) } ?? [Float](repeating: .nan, count: columns)
        let (dGain, dBias) = (Floats(start), Floats(start))
        engine.normBackwardParameters(
          x: x.input, statistics: statistics.input, dy: dy.input, rows: rows, columns: columns,
          dGain: dGain.base, dBias: centred ? dBias.base : nil, adding: before != nil)
        return [y, statistics, dx, dGain] + (centred ? [dBias] : [])
      }
    }

    func reference(_ x: [Double], _ gain: [Double], _ bias: [Double]?) -> [Double] {
      Reference.norm(x, gain: gain, bias: bias, centred: centred, epsilon: Double(NormTests.epsilon))
    }
  }

  @Test(arguments: [false, true]) func valuesAndSlopes(centred: Bool) throws {
    var draw = Draw(20)
    var ran = 0
    for (rows, columns) in Self.shapes {
      for adding in [false, true] {
        let test = Case(rows, columns, centred: centred, draw: &draw)
        let before = adding ? draw.floats(rows * columns) : nil
        let results = try test.run(before: before)
        let (xD, gainD, dyD) = (doubles(test.x.values), doubles(test.gain.values), doubles(test.dy.values))
        let what = "norm of \(rows) x \(columns), centred \(centred), adding \(adding)"
        expectClose(results[0], test.reference(xD, gainD, test.biasD), 1e-6, what)

        func added(_ want: [Double], _ places: [Int]) -> [Double] {
          guard let before else { return want }
          return zip(want, places).map { $0 + Double(before[$1]) }
        }
        // A row's slope costs its whole matrix here, so only some rows of the broadest shapes are taken.
        let places = rows * columns > 1000 ? Array(stride(from: 0, to: rows * columns, by: 211)) : nil
        let dx = slopes(of: { dot(test.reference($0, gainD, test.biasD), dyD) }, at: xD, places: places)
        let taken = places ?? Array(0..<rows * columns)
        expectClose(taken.map { results[2][$0] }, added(dx, taken), 3e-6, scale: 1, what + ", dx")
        let dGain = slopes(of: { dot(test.reference(xD, $0, test.biasD), dyD) }, at: gainD)
        let columnsTaken = Array(0..<columns)
        expectClose(results[3], added(dGain, columnsTaken), 2e-6, scale: Double(rows), what + ", dGain")
        if let biasD = test.biasD {
          let dBias = slopes(of: { dot(test.reference(xD, gainD, $0), dyD) }, at: biasD)
          expectClose(results[4], added(dBias, columnsTaken), 2e-6, scale: Double(rows), what + ", dBias")
        }
        ran += 1
      }
    }
    #expect(ran == 2 * Self.shapes.count)
  }

  /// Gains that are stored as their difference from 1 give the bits of the gains themselves.
  @Test func gainsAsDifferencesFromOne() throws {
    var draw = Draw(23)
    let (rows, columns) = (17, 33)
    let (x, dy) = (Floats(draw.floats(rows * columns)), Floats(draw.floats(rows * columns)))
    // Multiples of 1/64 are exact on both sides.
    let stored = draw.integers(columns, below: 128).map { Float($0) / 64 - 1 }
    func run(_ gain: [Float], plus: Float) throws -> [[Float]] {
      let gain = Floats(gain)
      return try onEveryEngine { engine in
        let (y, statistics) = (Floats(count: rows * columns), Floats(count: rows * 2))
        engine.norm(
          x: x.input, gain: gain.input, plus: plus, bias: nil, centred: false, epsilon: 1e-6, rows: rows,
          columns: columns, y: y.base, statistics: statistics.base)
        let dx = Floats(count: rows * columns)
        engine.normBackwardInput(
          x: x.input, gain: gain.input, plus: plus, statistics: statistics.input, centred: false,
          dy: dy.input, rows: rows, columns: columns, dx: dx.base, adding: false)
        return [y, dx]
      }
    }
    let (got, want) = (try run(stored, plus: 1), try run(stored.map { $0 + 1 }, plus: 0))
    #expect(sameBits(got[0], want[0]) && sameBits(got[1], want[1]))
    #expect(got[0] != (try run(stored, plus: 0))[0])
  }

  @Test func meansFarFromZeroAreTakenOutFirst() throws {
    var draw = Draw(21)
    // The mean, an fp32 number near 1000, is known to 6e-5 at best, and so is each centred number; one pass
    // over x and x² would lose everything.
    let test = Case(17, 100, centred: true, draw: &draw, offset: 1000)
    let y = try test.run(before: nil)[0]
    expectClose(
      y, test.reference(doubles(test.x.values), doubles(test.gain.values), test.biasD), 1e-4, "offset norm")
  }

  @Test(arguments: [false, true]) func constantRowsAreFinite(centred: Bool) throws {
    let ones = Floats(count: 33, of: 1)
    for value in [Float(0), 1e-30, 7] {
      let x = Floats(count: 33, of: value)
      let (y, statistics, dx) = (Floats(count: 33), Floats(count: 2), Floats(count: 33))
      let engine = try Engine(threads: 1)
      engine.norm(
        x: x.input, gain: ones.input, bias: nil, centred: centred, epsilon: 1e-5, rows: 1, columns: 33,
        y: y.base, statistics: statistics.base)
      engine.normBackwardInput(
        x: x.input, gain: ones.input, statistics: statistics.input, centred: centred, dy: ones.input,
        rows: 1, columns: 33, dx: dx.base, adding: false)
      let want = centred || value < 1 ? 0 : 1
      #expect(y.values.allSatisfy { abs($0 - Float(want)) <= 1e-6 }, "\(value)")
      #expect(dx.values.allSatisfy { $0.isFinite }, "\(value)")
    }
  }

  @Test(arguments: [false, true]) func notANumberStaysInItsRow(centred: Bool) throws {
    var draw = Draw(22)
    var values = draw.floats(3 * 20)
    values[20 + 19] = .nan
    let (x, gain, dy) = (Floats(values), Floats(draw.floats(20)), Floats(draw.floats(60)))
    let (y, statistics, dx, dGain) = (
      Floats(count: 60, of: 0), Floats(count: 6), Floats(count: 60, of: 0), Floats(count: 20, of: 0)
    )
    let engine = try Engine(threads: 1)
    engine.norm(
      x: x.input, gain: gain.input, bias: nil, centred: centred, epsilon: 1e-5, rows: 3, columns: 20,
      y: y.base, statistics: statistics.base)
    engine.normBackwardInput(
      x: x.input, gain: gain.input, statistics: statistics.input, centred: centred, dy: dy.input, rows: 3,
      columns: 20, dx: dx.base, adding: false)
    engine.normBackwardParameters(
      x: x.input, statistics: statistics.input, dy: dy.input, rows: 3, columns: 20, dGain: dGain.base,
      dBias: nil, adding: false)
    for result in [y, dx] {
      #expect(result.values.indices.filter { result.values[$0].isNaN } == Array(20..<40))
    }
    #expect(dGain.values.allSatisfy { $0.isNaN })
  }
}

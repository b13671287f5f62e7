// GELU and SwiGLU: values and slopes against fp64, far out and with NaN.
import Foundation
import Kernels
import Reference
import Testing

@Suite struct ActivationTests {
  static let counts = [1, 3, 15, 16, 17, 33, 100, 16384, 40000]
  /// Arguments where naive formulas overflow, and where the gates close.
  static let extremes: [Float] = [
    0, -0.0, 88, -88, 100, -100, 1e4, -1e4, 1e20, -1e20, 9.99, -9.99, 10.01, -10.01,
  ]

  @Test func geluValues() throws {
    var draw = Draw(10)
    var ran = 0
    for count in Self.counts {
      let x = Floats(draw.floats(count, scale: 6))
      let y = try onEveryEngine { engine in
        let y = Floats(count: count)
        engine.gelu(x.input, count: count, into: y.base)
        return [y]
      }[0]
      expectClose(y, doubles(x.values).map(Reference.gelu), 1e-6, "gelu of \(count)")
      ran += 1
    }
    #expect(ran == Self.counts.count)
  }

  @Test func geluSlopes() throws {
    var draw = Draw(11)
    var ran = 0
    for count in [1, 3, 15, 16, 17, 33, 100] {
      for adding in [false, true] {
        let x = Floats(draw.floats(count, scale: 6))
        let dy = Floats(draw.floats(count))
        let before = adding ? draw.floats(count) : [Float](repeating: .nan, count: count)
        let dx = try onEveryEngine { engine in
          let dx = Floats(before)
          engine.geluBackward(x.input, dy: dy.input, count: count, dx: dx.base, adding: adding)
          return [dx]
        }[0]
        let dyD = doubles(dy.values)
        var want = slopes(of: { dot($0.map(Reference.gelu), dyD) }, at: doubles(x.values))
        if adding { want = zip(want, before).map { $0 + Double($1) } }
        expectClose(dx, want, 2e-6, scale: 1, "gelu' of \(count)")
        ran += 1
      }
    }
    #expect(ran == 14)
  }

  @Test func geluFarOut() throws {
    let engine = try Engine(threads: 1)
    let x = Floats(Self.extremes)
    let ones = Floats(count: x.count, of: 1)
    let (y, dx) = (Floats(count: x.count), Floats(count: x.count))
    engine.gelu(x.input, count: x.count, into: y.base)
    engine.geluBackward(x.input, dy: ones.input, count: x.count, dx: dx.base, adding: false)
    var checked = 0
    for (index, value) in Self.extremes.enumerated() {
      let want = Reference.gelu(Double(value))
      #expect(abs(Double(y.values[index]) - want) <= 1e-6 * max(1, abs(want)), "gelu(\(value))")
      #expect(abs(dx.values[index] - (value > 5 ? 1 : value < -5 ? 0 : 0.5)) <= 1e-6, "gelu'(\(value))")
      checked += 1
    }
    #expect(checked == Self.extremes.count)
  }

  /// The other functions of one number: values, slopes, far out and NaN.
  private static let others:
    [(
      name: String, function: @Sendable (Double) -> Double,
      run: @Sendable (Engine, Floats, Floats) -> Void,
      slope: @Sendable (Engine, Floats, Floats, Floats, Bool) -> Void
    )] = [
      (
        "gaussianGELU", Reference.gaussianGELU, { $0.gaussianGELU($1.input, count: $1.count, into: $2.base) },
        { $0.gaussianGELUBackward($1.input, dy: $2.input, count: $1.count, dx: $3.base, adding: $4) }
      ),
      (
        "tanh", { tanh($0) }, { $0.tanh($1.input, count: $1.count, into: $2.base) },
        { engine, x, dy, dx, adding in
          let y = Floats(count: x.count)
          engine.tanh(x.input, count: x.count, into: y.base)
          engine.tanhBackward(y.input, dy: dy.input, count: x.count, dx: dx.base, adding: adding)
        }
      ),
      (
        "relu", { max($0, 0) }, { $0.relu($1.input, count: $1.count, into: $2.base) },
        { $0.reluBackward($1.input, dy: $2.input, count: $1.count, dx: $3.base, adding: $4) }
      ),
      (
        "silu", Reference.silu, { $0.silu($1.input, count: $1.count, into: $2.base) },
        { $0.siluBackward($1.input, dy: $2.input, count: $1.count, dx: $3.base, adding: $4) }
      ),
    ]

  @Test(arguments: [0, 1, 2, 3]) func valuesAndSlopesOfTheOthers(_ number: Int) throws {
    let other = Self.others[number]
    var draw = Draw(14)
    var ran = 0
    for count in Self.counts {
      let x = Floats(draw.floats(count, scale: 6))
      let y = try onEveryEngine { engine in
        let y = Floats(count: count)
        other.run(engine, x, y)
        return [y]
      }[0]
      expectClose(y, doubles(x.values).map(other.function), 1e-6, "\(other.name) of \(count)")
      ran += 1
    }
    for count in [1, 16, 17, 100] {
      for adding in [false, true] {
        let x = Floats(draw.floats(count, scale: 6))
        let dy = Floats(draw.floats(count))
        let before = adding ? draw.floats(count) : [Float](repeating: .nan, count: count)
        let dx = try onEveryEngine { engine in
          let dx = Floats(before)
          other.slope(engine, x, dy, dx, adding)
          return [dx]
        }[0]
        let dyD = doubles(dy.values)
        var want = slopes(of: { dot($0.map(other.function), dyD) }, at: doubles(x.values))
        if adding { want = zip(want, before).map { $0 + Double($1) } }
        expectClose(dx, want, 2e-6, scale: 1, "\(other.name)' of \(count)")
        ran += 1
      }
    }
    #expect(ran == Self.counts.count + 8)
  }

  @Test(arguments: [0, 1, 2, 3]) func theOthersFarOutAndWithNaN(_ number: Int) throws {
    let other = Self.others[number]
    let engine = try Engine(threads: 1)
    let x = Floats(Self.extremes + [.nan])
    let ones = Floats(count: x.count, of: 1)
    let (y, dx) = (Floats(count: x.count), Floats(count: x.count))
    other.run(engine, x, y)
    other.slope(engine, x, ones, dx, false)
    for (index, value) in Self.extremes.enumerated() {
      let want = other.function(Double(value))
      #expect(abs(Double(y.values[index]) - want) <= 1e-6 * max(1, abs(want)), "\(other.name)(\(value))")
      #expect(dx.values[index].isFinite && abs(dx.values[index]) <= 1.2, "\(other.name)'(\(value))")
    }
    // The slope of a rectifier is 0 or 1, whatever goes in.
    #expect(y.values.last?.isNaN == true && (dx.values.last?.isNaN == true || other.name == "relu"))
  }

  @Test func swiGLUValuesAndSlopes() throws {
    var draw = Draw(12)
    var ran = 0
    for (rows, columns) in [(1, 1), (3, 15), (2, 16), (7, 17), (33, 33), (100, 3), (9, 100)] {
      for adding in [false, true] {
        let x = Floats(draw.floats(rows * 2 * columns, scale: 5))
        let dy = Floats(draw.floats(rows * columns))
        let before =
          adding ? draw.floats(x.count) : [Float](repeating: .nan, count: x.count)
        let results = try onEveryEngine { engine in
          let y = Floats(count: rows * columns)
          let dx = Floats(before)
          engine.swiGLU(x.input, rows: rows, columns: columns, into: y.base)
          engine.swiGLUBackward(
            x.input, dy: dy.input, rows: rows, columns: columns, dx: dx.base, adding: adding)
          return [y, dx]
        }
        let (xD, dyD) = (doubles(x.values), doubles(dy.values))
        let what = "swiGLU of \(rows) x \(columns)"
        expectClose(results[0], Reference.swiGLU(xD, columns: columns), 1e-6, what)
        // Elements do not depend on each other, so one pass can take all slopes.
        let places = rows * columns > 400 ? Array(stride(from: 0, to: x.count, by: 7)) : Array(0..<x.count)
        var want = slopes(
          of: { dot(Reference.swiGLU($0, columns: columns), dyD) }, at: xD, places: places)
        if adding { want = zip(want, places).map { $0 + Double(before[$1]) } }
        expectClose(places.map { results[1][$0] }, want, 2e-6, what + ", backward")
        ran += 1
      }
    }
    #expect(ran == 14)
  }

  /// Both forms of GELU as gates.
  private static let geGLUs:
    [(
      name: String, gate: @Sendable (Double) -> Double,
      run: @Sendable (Engine, Floats, _ rows: Int, _ columns: Int, Floats) -> Void,
      slope: @Sendable (Engine, Floats, Floats, _ rows: Int, _ columns: Int, Floats, Bool) -> Void
    )] = [
      (
        "geGLU", Reference.gelu, { $0.geGLU($1.input, rows: $2, columns: $3, into: $4.base) },
        { $0.geGLUBackward($1.input, dy: $2.input, rows: $3, columns: $4, dx: $5.base, adding: $6) }
      ),
      (
        "gaussianGeGLU", Reference.gaussianGELU,
        { $0.gaussianGeGLU($1.input, rows: $2, columns: $3, into: $4.base) },
        { $0.gaussianGeGLUBackward($1.input, dy: $2.input, rows: $3, columns: $4, dx: $5.base, adding: $6) }
      ),
    ]

  @Test(arguments: [0, 1]) func geGLUValuesAndSlopes(_ number: Int) throws {
    let test = Self.geGLUs[number]
    var draw = Draw(15)
    var ran = 0
    for (rows, columns) in [(1, 1), (3, 15), (2, 16), (7, 17), (33, 33), (9, 100)] {
      for adding in [false, true] {
        let x = Floats(draw.floats(rows * 2 * columns, scale: 5))
        let dy = Floats(draw.floats(rows * columns))
        let before = adding ? draw.floats(x.count) : [Float](repeating: .nan, count: x.count)
        let results = try onEveryEngine { engine in
          let (y, dx) = (Floats(count: rows * columns), Floats(before))
          test.run(engine, x, rows, columns, y)
          test.slope(engine, x, dy, rows, columns, dx, adding)
          return [y, dx]
        }
        func gated(_ x: [Double]) -> [Double] {
          (0..<rows * columns).map { place in
            let gate = place / columns * 2 * columns + place % columns
            return test.gate(x[gate]) * x[gate + columns]
          }
        }
        let (xD, dyD) = (doubles(x.values), doubles(dy.values))
        expectClose(results[0], gated(xD), 2e-6, "\(test.name) of \(rows) x \(columns)")
        let places = Array(stride(from: 0, to: x.count, by: rows * columns > 400 ? 7 : 1))
        var want = slopes(of: { dot(gated($0), dyD) }, at: xD, places: places)
        if adding { want = zip(want, places).map { $0 + Double(before[$1]) } }
        expectClose(places.map { results[1][$0] }, want, 4e-6, "\(test.name)' of \(rows) x \(columns)")
        ran += 1
      }
    }
    #expect(ran == 12)
    // A NaN stays in its place.
    let x = Floats((0..<8).map { $0 == 1 ? .nan : 0.5 })
    let y = Floats(count: 4)
    test.run(try Engine(threads: 1), x, 1, 4, y)
    #expect(y.values.indices.filter { y.values[$0].isNaN } == [1])
  }

  @Test func swiGLUFarOut() throws {
    let engine = try Engine(threads: 1)
    let columns = Self.extremes.count
    let x = Floats(Self.extremes + [Float](repeating: 1, count: columns))
    let ones = Floats(count: columns, of: 1)
    let (y, dx) = (Floats(count: columns), Floats(count: 2 * columns))
    engine.swiGLU(x.input, rows: 1, columns: columns, into: y.base)
    engine.swiGLUBackward(x.input, dy: ones.input, rows: 1, columns: columns, dx: dx.base, adding: false)
    var checked = 0
    for (index, value) in Self.extremes.enumerated() where abs(value) > 50 || value == 0 {
      let want = max(value, 0)
      #expect(abs(y.values[index] - want) <= 1e-6 * max(1, want), "silu(\(value))")
      #expect(abs(dx.values[index] - (value > 0 ? 1 : value < 0 ? 0 : 0.5)) <= 1e-6, "silu'(\(value))")
      #expect(abs(dx.values[columns + index] - want) <= 1e-6 * max(1, want), "gate \(value)")
      checked += 1
    }
    #expect(checked == Self.extremes.count - 4)
  }

  @Test func notANumberStaysInItsPlace() throws {
    let engine = try Engine(threads: 1)
    var values = [Float](repeating: 0.5, count: 40)
    values[21] = .nan
    let x = Floats(values)
    let ones = Floats(count: 40, of: 1)
    let (y, dx) = (Floats(count: 40), Floats(count: 40))
    engine.gelu(x.input, count: 40, into: y.base)
    engine.geluBackward(x.input, dy: ones.input, count: 40, dx: dx.base, adding: false)
    for result in [y, dx] { #expect(result.values.indices.filter { result.values[$0].isNaN } == [21]) }
    let (gated, dGated) = (Floats(count: 20), Floats(count: 40))
    // One row of twenty gates and twenty ups: place 21 is the up of gate 1.
    engine.swiGLU(x.input, rows: 1, columns: 20, into: gated.base)
    engine.swiGLUBackward(x.input, dy: ones.input, rows: 1, columns: 20, dx: dGated.base, adding: false)
    #expect(gated.values.indices.filter { gated.values[$0].isNaN } == [1])
    #expect(dGated.values.indices.filter { dGated.values[$0].isNaN } == [1])
  }
}

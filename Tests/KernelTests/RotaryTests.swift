// Rotary positions: values against fp64, the way back, and the memory beside the rotated heads.
import Foundation
import Kernels
import Reference
import Testing

@Suite struct RotaryTests {
  @Test func valuesAndTheWayBack() throws {
    var draw = Draw(40)
    var ran = 0
    for (rows, heads, half, gap) in [
      (1, 1, 1, 0), (3, 2, 4, 5), (17, 3, 8, 0), (33, 1, 17, 3), (50, 4, 32, 1),
    ] {
      let width = 2 * half
      let stride = heads * width + gap
      let x = Floats(draw.floats(rows * stride))
      let positions = draw.integers(rows, below: 90)
      let frequencies = (0..<half).map { Float(pow(10000, -Double($0) / Double(half))) }
      var table: [Float] = []
      for position in 0..<90 {
        let angles = frequencies.map { Double(Float(position) * $0) }
        table += angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
      }
      let tableFloats = Floats(table)
      for inverse in [false, true] {
        let results = try onEveryEngine { engine in
          let (y, back) = (Floats(x.values), Floats(x.values))
          func rotate(_ target: Floats, _ inverse: Bool) {
            engine.rotate(
              target.base, heads: heads, headStride: width, width: width, rows: rows, stride: stride,
              table: tableFloats.input, positions: positions, inverse: inverse)
          }
          rotate(y, inverse)
          rotate(back, inverse)
          rotate(back, !inverse)
          return [y, back]
        }
        let want = Reference.rotate(
          doubles(x.values), stride: stride, heads: heads, positions: positions, frequencies: frequencies,
          inverse: inverse)
        expectClose(results[0], want, 3e-7, "rotation of \(rows) x \(heads) x \(width)")
        expectClose(results[1], doubles(x.values), 5e-7, "there and back")
        // The gap between rows was not rotated.
        let gaps = x.values.indices.filter { $0 % stride >= heads * width }
        #expect(gaps.allSatisfy { results[0][$0] == x.values[$0] })
        ran += 1
      }
      // Backward is the rotation by the opposite angle: <R x, z> and <x, R⁻¹ z> are equal.
      let z = doubles(draw.floats(rows * stride))
      func turn(_ v: [Double], _ inverse: Bool) -> [Double] {
        Reference.rotate(
          v, stride: stride, heads: heads, positions: positions, frequencies: frequencies, inverse: inverse)
      }
      let xD = doubles(x.values)
      #expect(abs(dot(turn(xD, false), z) - dot(xD, turn(z, true))) <= 1e-9)
    }
    #expect(ran == 10)
  }

  /// A part of each head, in heads that have their keys and values between them.
  @Test func partOfAHead() throws {
    var draw = Draw(41)
    let (rows, heads, width, half) = (19, 3, 10, 3)
    let stride = heads * 3 * width
    let x = draw.floats(rows * stride)
    let positions = draw.integers(rows, below: 40)
    let frequencies: [Float] = [1, 0.3, 0.02]
    let table = Floats(
      (0..<40).flatMap { position in
        let angles = frequencies.map { Double(Float(position) * $0) }
        return angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
      })
    let got = try onEveryEngine { engine in
      let y = Floats(x)
      engine.rotate(
        y.base, heads: heads, headStride: 3 * width, width: 2 * half, rows: rows, stride: stride,
        table: table.input, positions: positions, inverse: false)
      return [y]
    }[0]
    var want = doubles(x)
    for row in 0..<rows {
      for head in 0..<heads {
        let start = row * stride + head * 3 * width
        let part = Reference.rotate(
          Array(want[start..<start + 2 * half]), stride: 2 * half, heads: 1, positions: [positions[row]],
          frequencies: frequencies)
        want.replaceSubrange(start..<start + 2 * half, with: part)
      }
    }
    expectClose(got, want, 3e-7, "rotation of a part")
    #expect(got.indices.filter { $0 % (3 * width) >= 2 * half }.allSatisfy { got[$0] == x[$0] })
  }
}

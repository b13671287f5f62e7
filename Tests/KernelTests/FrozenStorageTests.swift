// Codes, scales and widened numbers of frozen storage beside bitsandbytes' CPU functions, and parts of rows beside the
// whole. Tests/Fixtures/make_quantization_fixtures.py computed what is expected.
import Checkpoints
import Foundation
import Kernels
import Reference
import Tensors
import Testing

@Suite struct FrozenStorageTests {
  static let cases = [
    ("one", 1, 1), ("short", 1, 63), ("odd", 7, 33), ("even", 9, 64), ("zeros", 6, 66), ("nothing", 3, 43),
    ("outliers", 11, 50), ("small", 12, 64), ("ties", 3, 64), ("many", 131, 129),
  ]
  static let storages: [FrozenStorage] = [
    .float32, .bfloat16, .int8, .nf4(doubleQuantization: false), .nf4(doubleQuantization: true),
  ]

  private struct Expected {
    let file: SafetensorsFile

    init() throws {
      let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      file = try SafetensorsFile(tests.path + "/Fixtures/quantization.safetensors")
    }

    func floats(_ name: String) throws -> [Float] {
      var values = [Float](repeating: .nan, count: try #require(file.entry(name), "\(name)").count)
      let count = values.count
      try values.withUnsafeMutableBufferPointer { try file.read(name, into: $0, range: 0..<count) }
      return values
    }

    func bytes(_ name: String) throws -> [UInt8] {
      try #require(try file.withBytes(of: name) { [UInt8]($0) }, "\(name)")
    }
  }

  @Test(arguments: cases.map(\.0)) func codesAndValuesAreThoseOfBitsandbytes(_ name: String) throws {
    let expected = try Expected()
    let (_, rows, columns) = try #require(Self.cases.first { $0.0 == name })
    let x = try expected.floats("\(name).x")
    for (storage, label) in [(FrozenStorage.nf4(doubleQuantization: false), "nf4"), (.int8, "int8")] {
      let stored = StoredMatrix(storage, rows: rows, columns: columns, x)
      #expect(stored.codes == (try expected.bytes("\(name).\(label).codes")), "codes of \(label)")
      #expect(sameBits(stored.scales, try expected.floats("\(name).\(label).scales")), "scales of \(label)")
      // A code of 0 with the sign of its scale: numbers are compared, of which none is NaN.
      #expect(stored.values == (try expected.floats("\(name).\(label).values")), "values of \(label)")
    }
  }

  /// Everything but the mean has the reference's bits; the mean is added up in another order.
  @Test(arguments: cases.map(\.0)) func nestedScalesAreThoseOfBitsandbytes(_ name: String) throws {
    let expected = try Expected()
    let (_, rows, columns) = try #require(Self.cases.first { $0.0 == name })
    let stored = StoredMatrix(
      .nf4(doubleQuantization: true), rows: rows, columns: columns, try expected.floats("\(name).x"))
    #expect(stored.codes == (try expected.bytes("\(name).nf4.codes")))

    let plain = try expected.floats("\(name).nf4.scales")
    let mean = try expected.floats("\(name).nested.mean")[0]
    let own = NestedScales.mean(plain, count: plain.count)
    #expect(abs(own - mean) <= 2 * mean.ulp, "mean \(own), not \(mean)")
    #expect(stored.scales[0].bitPattern == own.bitPattern)

    let nested = NestedScales(stored.scaleBase, count: plain.count)
    nested.quantise(plain, mean: mean)
    let blocks = (plain.count + 255) / 256
    #expect(sameBits(Array(stored.scales[1...blocks]), try expected.floats("\(name).nested.scales")))
    let codes = Array(stored.scaleBytes.dropFirst(4 * (1 + blocks)).prefix(plain.count))
    #expect(codes == (try expected.bytes("\(name).nested.codes")))
    #expect(stored.values == (try expected.floats("\(name).nested.values")))
  }

  @Test func partsOfRowsAreTheWhole() throws {
    var draw = Draw(300)
    var compared = 0
    for storage in Self.storages {
      for (rows, columns) in [(3, 131), (2, 64), (4, 33), (1, 1)] {
        let stored = StoredMatrix(storage, rows: rows, columns: columns, draw.floats(rows * columns))
        let whole = stored.values
        let y = Floats(count: columns)
        let room = Floats(count: columns)
        var wrong = 0
        for row in 0..<rows {
          for start in 0..<columns {
            let lengths = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, columns - start]
            for length in lengths where start + length <= columns {
              y.base.update(repeating: .nan, count: columns)
              stored.matrix.widen(row: row, columns: start..<start + length, into: y.base)
              let from = row * columns + start
              let want = whole[from..<from + length] + [Float](repeating: .nan, count: columns - length)
              if !sameBits(y.values, Array(want)) { wrong += 1 }
              var halves = [BFloat16](repeating: BFloat16(rounding: 7), count: columns)
              halves.withUnsafeMutableBufferPointer {
                stored.matrix.narrow(
                  row: row, columns: start..<start + length, into: $0.baseAddress!, room: room.base)
              }
              let rounded = whole[from..<from + length].map { BFloat16(rounding: $0).bits }
              let untouched = [UInt16](repeating: BFloat16(rounding: 7).bits, count: columns - length)
              if halves.map(\.bits) != rounded + untouched { wrong += 1 }
              compared += 1
            }
          }
        }
        #expect(wrong == 0, "\(storage), \(rows) x \(columns)")
      }
    }
    #expect(compared > 5 * 3 * 131 * 10)
  }

  /// Half a step of a code at most; bfloat16 has 8 bits.
  @Test func numbersStayNear() {
    var draw = Draw(301)
    let x = draw.floats(40 * 64)
    let values = NF4Steps.largest
    for (storage, bound) in zip(Self.storages, [0, 0x1p-9, 0.5 / 127 + 1e-6, values, values + 0.02]) {
      expectClose(
        StoredMatrix(storage, rows: 40, columns: 64, x).values, doubles(x), bound, scale: 1, "\(storage)")
    }
  }

  /// What is not finite stays so, in the row or block whose scale it is, and elsewhere nothing changes.
  @Test func notANumberShows() throws {
    var draw = Draw(302)
    let (rows, columns) = (4, 96)
    let x = draw.floats(rows * columns)
    var ran = 0
    for storage in Self.storages {
      let before = StoredMatrix(storage, rows: rows, columns: columns, x).values
      for bad: Float in [.nan, -.nan, .infinity, -.infinity] {
        for place in [0, 95, 200, rows * columns - 1] {
          var broken = x
          broken[place] = bad
          let values = StoredMatrix(storage, rows: rows, columns: columns, broken).values
          #expect(!values[place].isFinite, "\(storage), \(bad) at \(place)")
          let touched: Range<Int> =
            switch storage {
            case .float32, .bfloat16: place..<place + 1
            case .int8: place / columns * columns..<(place / columns + 1) * columns
            case .nf4(doubleQuantization: false): place / 64 * 64..<(place / 64 + 1) * 64
            case .nf4(doubleQuantization: true): 0..<rows * columns
            }
          #expect(sameBits(Array(values[..<touched.lowerBound]), Array(before[..<touched.lowerBound])))
          #expect(sameBits(Array(values[touched.upperBound...]), Array(before[touched.upperBound...])))
          ran += 1
        }
      }
    }
    #expect(ran == 5 * 4 * 4)
  }

  private enum NF4Steps {
    /// Between -1 and the next value: half of 0.3038.
    static let largest = 0.152
  }
}

// Sums, copies, biases and tables: the kernels that move rows, against fp64.
import Kernels
import Reference
import Tensors
import Testing

@Suite struct RowTests {
  static let counts = [1, 3, 15, 16, 17, 33, 100, 16384, 16385, 50000]

  @Test func addCopyAndClear() throws {
    var draw = Draw(30)
    var ran = 0
    for count in Self.counts {
      let (a, b) = (Floats(draw.floats(count)), Floats(draw.floats(count)))
      let results = try onEveryEngine { engine in
        let (sum, copy, onto, cleared) = (
          Floats(count: count), Floats(count: count), Floats(b.values), Floats(count: count)
        )
        engine.add(a.input, b.input, count: count, into: sum.base)
        engine.copy(a.input, count: count, into: copy.base)
        engine.copy(a.input, count: count, into: onto.base, adding: true)
        engine.clear(cleared.base, count: count)
        return [sum, copy, onto, cleared]
      }
      // Each element is rounded once: exact.
      let want = zip(a.values, b.values).map { $0 + $1 }
      #expect(results[0] == want)
      #expect(results[1] == a.values)
      #expect(results[2] == want)
      #expect(results[3] == [Float](repeating: 0, count: count))
      ran += 1
    }
    #expect(ran == Self.counts.count)
  }

  @Test func partsAreAddedInOrder() throws {
    var draw = Draw(31)
    var ran = 0
    for count in Self.counts {
      for parts in [0, 1, 2, 5] {
        for type in [ElementType.float32, .bfloat16] {
          for adding in [false, true] {
            let x = Floats(draw.floats(count * parts, scale: 1000))
            let before = draw.floats(count)
            let y = try onEveryEngine { engine in
              let y = Floats(before)
              let squares = UnsafeMutablePointer<Double>.allocate(capacity: count / 1024 + 1)
              defer { squares.deallocate() }
              let all = (0..<parts).map { SumPart(x.input + $0 * count, .float32) }
              all.withUnsafeBufferPointer {
                engine.addInOrder(
                  $0, rounding: type, count: count, into: y.base, adding: adding, grain: 1024,
                  squares: squares)
              }
              if parts > 0 {
                for grain in 0..<(count + 1023) / 1024 {
                  let want = y.values[(grain * 1024)..<min((grain + 1) * 1024, count)]
                    .reduce(0.0) { $0 + Double($1) * Double($1) }
                  #expect(abs(squares[grain] - want) <= 1e-12 * want)
                }
              }
              return [y]
            }[0]
            // The order is guaranteed, so the bits are too.
            let rows = (0..<parts).map { part in
              x.values[part * count..<(part + 1) * count].map {
                type == .float32 ? $0 : BFloat16(rounding: $0).float
              }
            }
            let all = (adding || parts == 0 ? [before] : []) + rows
            let want = (0..<count).map { place in all.dropFirst().reduce(all[0][place]) { $0 + $1[place] } }
            #expect(sameBits(y, want), "\(parts) parts of \(count), \(type)")
            ran += 1
          }
        }
      }
    }
    #expect(ran == Self.counts.count * 16)
  }

  @Test func biasAndItsGradient() throws {
    var draw = Draw(32)
    var ran = 0
    for (rows, columns, gap) in [
      (1, 1, 0), (3, 15, 2), (33, 16, 1), (100, 17, 0), (65, 100, 7), (70, 200, 0),
    ] {
      let stride = columns + gap
      let y = Floats(draw.floats(rows * stride))
      let bias = Floats(draw.floats(columns))
      let before = draw.floats(columns)
      let results = try onEveryEngine { engine in
        let biased = Floats(y.values)
        engine.addBiasHere(
          bias.input, to: MutableMatrix(biased.base, rows: rows, columns: columns, stride: stride))
        let (written, added) = (Floats(count: columns), Floats(before))
        engine.sumRows(
          y.input, rows: rows, columns: columns, stride: stride, into: written.base, adding: false)
        engine.sumRows(y.input, rows: rows, columns: columns, stride: stride, into: added.base, adding: true)
        return [biased, written, added]
      }
      let values = y.values
      let want = values.enumerated().map { place, value in
        place % stride < columns ? value + bias.values[place % stride] : value
      }
      #expect(results[0] == want, "\(rows) x \(columns)")
      let sums = (0..<columns).map { column in
        (0..<rows).reduce(0.0) { $0 + Double(values[$1 * stride + column]) }
      }
      expectClose(results[1], sums, 1e-6, scale: Double(rows).squareRoot(), "sum of \(rows) rows")
      expectClose(
        results[2], zip(sums, before).map { $0 + Double($1) }, 1e-6, scale: Double(rows).squareRoot(),
        "added sum of \(rows) rows")
      ran += 1
    }
    #expect(ran == 6)
  }

  @Test func tablesAndTheirGradients() throws {
    var draw = Draw(33)
    var ran = 0
    for (rows, columns, vocabulary) in [(1, 1, 1), (3, 15, 2), (33, 17, 7), (100, 33, 1000), (70, 200, 13)] {
      let table = Floats(draw.floats(vocabulary * columns))
      let indices = draw.integers(rows, below: vocabulary)
      let dy = Floats(draw.floats(rows * columns))
      let before = draw.floats(rows * columns)
      let results = try onEveryEngine { engine in
        let (written, added) = (Floats(count: rows * columns), Floats(before))
        let dTable = Floats(table.values)
        let rowsOfTable = Operand.float32(ConstMatrix(table.input, rows: vocabulary, columns: columns))
        engine.embed(indices, table: rowsOfTable, rows: rows, into: written.base, adding: false)
        engine.embed(indices, table: rowsOfTable, rows: rows, into: added.base, adding: true)
        engine.embedBackward(indices, dy: dy.input, rows: rows, columns: columns, dTable: dTable.base)
        return [written, added, dTable]
      }
      let looked = (0..<rows * columns).map { place in
        table.values[Int(indices[place / columns]) * columns + place % columns]
      }
      #expect(results[0] == looked)
      #expect(results[1] == zip(before, looked).map { $0 + $1 })
      // Tokens occur more than once: their gradients are added in the order of the rows, to the bit.
      var want = table.values
      for (place, value) in dy.values.enumerated() {
        want[Int(indices[place / columns]) * columns + place % columns] += value
      }
      #expect(sameBits(results[2], want), "\(rows) rows of \(columns)")
      ran += 1
    }
    #expect(ran == 5)
  }
}

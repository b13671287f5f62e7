// Products that are summed row by row: against fp64, and the same bits whatever rows stand beside.
import Kernels
import Reference
import Tensors
import Testing

@Suite struct RowProductTests {
  static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (15, 16, 17), (9, 15, 100), (2, 130, 33), (64, 64, 64), (5, 49, 300),
    // Past the rows of a tile, past the blocks of the inner dimension, and many columns.
    (300, 20, 30), (13, 30, 2500), (3, 777, 257),
  ]

  @Test(arguments: FrozenStorageTests.storages, [Transposition.none, .second])
  func values(_ storage: FrozenStorage, _ transposition: Transposition) throws {
    var draw = Draw(320)
    var ran = 0
    for size in Self.sizes {
      for adding in [false, true] {
        let product = ProductCase(size, transposition, adding: adding, bGap: 0)
        let stored = StoredMatrix(
          storage, rows: product.bRows, columns: product.bColumns,
          draw.floats(product.bRows * product.bColumns))
        let a = draw.floats(product.aRows * product.aStride)
        let before = product.drawBefore(&draw)
        for type in ElementType.allCases {
          let result = try onEveryEngine { engine in
            let c = Floats(before)
            multiply(engine, a, stored, type, product, rows: 0..<product.m, into: c)
            return [c]
          }[0]
          func rounded(_ x: [Float]) -> [Float] {
            type == .float32 ? x : x.map { BFloat16(rounding: $0).float }
          }
          product.expect(result, a: rounded(a), b: rounded(stored.values), before: before)
          // Each row alone, and some together.
          let engine = try Engine(threads: 2)
          for rows in [0..<1, product.m / 2..<product.m, product.m - 1..<product.m] {
            let part = Floats(before)
            multiply(engine, a, stored, type, product, rows: rows, into: part)
            let range = rows.lowerBound * product.cStride..<rows.upperBound * product.cStride
            #expect(sameBits(Array(part.values[range]), Array(result[range])), "\(product), rows \(rows)")
          }
          ran += 1
        }
      }
    }
    #expect(ran == Self.sizes.count * 4)
  }

  private func multiply(
    _ engine: Engine, _ a: [Float], _ w: StoredMatrix, _ type: ElementType, _ product: ProductCase,
    rows: Range<Int>, into c: Floats
  ) {
    let halves = a.map { BFloat16(rounding: $0) }
    let start = rows.lowerBound * product.aStride
    let target = product.target(c)
    a.withUnsafeBufferPointer { a in
      halves.withUnsafeBufferPointer { halves in
        engine.byRow.multiply(
          type == .float32
            ? .float32(
              ConstMatrix(
                a.baseAddress! + start, rows: rows.count, columns: product.aColumns, stride: product.aStride))
            : .bfloat16(
              HalfMatrix(
                halves.baseAddress! + start, rows: rows.count, columns: product.aColumns,
                stride: product.aStride)),
          .frozen(w.matrix), product.transposition,
          into: target.part(rows, 0..<product.n), adding: product.adding)
      }
    }
  }

  /// fp32 is multiplied where it lies; every other storage is widened first.
  @Test func wideAndPlainWeightsGiveTheSameBits() throws {
    var draw = Draw(321)
    let engine = try Engine(threads: 2).byRow
    var ran = 0
    for (m, n, k) in [(1, 200, 300), (2, 300, 70), (7, 33, 40), (20, 100, 1100), (70, 61, 270)] {
      for transposition in [Transposition.none, .second] {
        let w = draw.floats(n * k).map { BFloat16(rounding: $0) }
        let wide = Floats(w.map(\.float))
        let a = Floats(draw.floats(m * k))
        let (rows, columns) = transposition == .none ? (k, n) : (n, k)
        let (first, second) = (Floats(count: m * n), Floats(count: m * n))
        let x = ConstMatrix(a.input, rows: m, columns: k)
        engine.multiply(
          .float32(x), .float32(ConstMatrix(wide.input, rows: rows, columns: columns)), transposition,
          into: MutableMatrix(first.base, rows: m, columns: n))
        w.withUnsafeBufferPointer {
          engine.multiply(
            .float32(x), .bfloat16(HalfMatrix($0.baseAddress!, rows: rows, columns: columns)), transposition,
            into: MutableMatrix(second.base, rows: m, columns: n))
        }
        #expect(sameBits(first.values, second.values), "\(m) x \(n) x \(k), \(transposition)")
        ran += 1
      }
    }
    #expect(ran == 10)
  }

  @Test func aRowThatIsNotFiniteSpoilsNoOther() throws {
    var draw = Draw(322)
    let (m, n, k) = (20, 70, 90)
    let w = Floats(draw.floats(n * k))
    var ran = 0
    for transposition in [Transposition.none, .second] {
      for row in [0, 7, 19] {
        let values = draw.floats(m * k)
        var spoiled = values
        spoiled[row * k + 3] = .nan
        let results = try [values, spoiled].map { x in
          let (a, c) = (Floats(x), Floats(count: m * n, of: 0))
          try Engine(threads: 2).byRow.multiply(
            .float32(ConstMatrix(a.input, rows: m, columns: k)),
            .float32(
              transposition == .none
                ? ConstMatrix(w.input, rows: k, columns: n) : ConstMatrix(w.input, rows: n, columns: k)),
            transposition, into: MutableMatrix(c.base, rows: m, columns: n))
          return c.values
        }
        let own = row * n..<(row + 1) * n
        #expect(own.allSatisfy { results[1][$0].isNaN })
        #expect((0..<m * n).allSatisfy { own.contains($0) || results[0][$0] == results[1][$0] })
        ran += 1
      }
    }
    #expect(ran == 6)
  }

  @Test func theLargestNumberIsTheFirstOfThem() {
    var draw = Draw(323)
    var ran = 0
    for count in [1, 2, 15, 16, 17, 100] {
      var values = draw.floats(count)
      let place = count / 3
      values[place] = 2
      values[count - 1] = max(values[count - 1], count > 2 ? 2 : -2)
      let row = Floats(values)
      #expect(
        largest(row.input, count: count) == (count > 2 ? place : values.firstIndex(of: values.max()!)!, true))
      for bad in [Float.nan, .infinity, -.infinity] {
        for spoiled in [0, count / 2, count - 1] {
          var values = values
          values[spoiled] = bad
          let row = Floats(values)
          #expect(!largest(row.input, count: count).isFinite)
          ran += 1
        }
      }
    }
    #expect(ran == 54)
  }
}

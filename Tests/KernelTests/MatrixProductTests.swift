// Products in all transpositions, with factors and strides, against fp64.
import Kernels
import Reference
import Testing

@Suite struct MatrixProductTests {
  /// One ulp of 1 for each of the k products: with operands up to 1, partial sums are of size √k / 3, and
  /// their k roundings of half an ulp each rarely all go one way.
  static let tolerance = 1.2e-7

  static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (15, 16, 17), (16, 33, 1), (33, 15, 100), (100, 3, 33), (64, 64, 64),
    // Above the bound where products are cut into tiles: broad, tall, and a vocabulary.
    (40, 700, 50), (700, 40, 50), (300, 300, 300), (5, 16500, 17),
  ]

  @Test(arguments: [Transposition.none, .first, .second])
  func values(_ transposition: Transposition) throws {
    var draw = Draw(1)
    var ran = 0
    for (m, n, k) in Self.sizes {
      for adding in [false, true] {
        // Rows lie further apart than they are long, by a different gap for each matrix.
        let (aRows, aColumns) = transposition == .first ? (k, m) : (m, k)
        let (bRows, bColumns) = transposition == .second ? (n, k) : (k, n)
        let (aStride, bStride, cStride) = (aColumns + 3, bColumns + 1, n + 2)
        let a = Floats(draw.floats(aRows * aStride))
        let b = Floats(draw.floats(bRows * bStride))
        // Without adding, what was there must not matter, not even NaN.
        let before = !adding ? [Float](repeating: .nan, count: m * cStride) : draw.floats(m * cStride)
        let result = try onEveryEngine { engine in
          let c = Floats(before)
          engine.multiply(
            ConstMatrix(a.input, rows: aRows, columns: aColumns, stride: aStride),
            ConstMatrix(b.input, rows: bRows, columns: bColumns, stride: bStride), transposition,
            into: MutableMatrix(c.base, rows: m, columns: n, stride: cStride), adding: adding)
          return [c]
        }[0]
        let (aV, bV) = (a.values, b.values)
        let product = Reference.product(
          m, n, k, a: { Double(aV[transposition == .first ? $1 * aStride + $0 : $0 * aStride + $1]) },
          b: { Double(bV[transposition == .second ? $1 * bStride + $0 : $0 * bStride + $1]) })
        var got: [Float] = []
        var want: [Double] = []
        var gaps = true
        for row in 0..<m {
          for column in 0..<cStride {
            let place = row * cStride + column
            if column >= n {
              gaps = gaps && result[place].bitPattern == before[place].bitPattern
              continue
            }
            got.append(result[place])
            want.append(product[row * n + column] + (adding ? Double(before[place]) : 0))
          }
        }
        #expect(gaps, "between the rows of \(m) x \(n)")
        expectClose(
          got, want, Self.tolerance, scale: Double(k) + 1,
          "multiply \(m) x \(n) x \(k), \(transposition), adding: \(adding)")
        ran += 1
      }
    }
    #expect(ran == Self.sizes.count * 2)
  }

  @Test func emptyProductsTouchNothing() throws {
    let c = Floats([1, 2])
    let engine = try Engine(threads: 2)
    engine.multiply(
      ConstMatrix(c.input, rows: 0, columns: 2), ConstMatrix(c.input, rows: 2, columns: 1),
      into: MutableMatrix(c.base, rows: 0, columns: 1))
    #expect(c.values == [1, 2])
  }

  @Test func notANumberReachesItsRowAndColumnOnly() throws {
    var draw = Draw(2)
    for transposition in [Transposition.none, .first, .second] {
      var values = draw.floats(20 * 20)
      values[7 * 20 + 4] = .nan
      let a = Floats(values)
      let b = Floats(draw.floats(20 * 20))
      let c = Floats(count: 20 * 20, of: 0)
      try Engine(threads: 1).multiply(
        ConstMatrix(a.input, rows: 20, columns: 20), ConstMatrix(b.input, rows: 20, columns: 20),
        transposition, into: MutableMatrix(c.base, rows: 20, columns: 20))
      let row = transposition == .first ? 4 : 7
      let spread = c.values.enumerated().filter { $0.element.isNaN }.map(\.offset)
      #expect(spread == Array(row * 20..<row * 20 + 20))
    }
  }
}

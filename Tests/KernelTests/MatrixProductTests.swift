// Products in all transpositions, with factors and strides, against fp64.
import Kernels
import Reference
import Testing

@Suite struct MatrixProductTests {
  static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (15, 16, 17), (16, 33, 1), (33, 15, 100), (100, 3, 33), (64, 64, 64),
    // Above the size where products are cut into tiles: broad, tall, and a vocabulary.
    (40, 700, 50), (700, 40, 50), (300, 300, 300), (5, 16500, 17),
    // Where one thread may compute all tiles in one call.
    (290, 530, 60), (300, 1100, 30), (1301, 130, 100), (77, 2100, 60),
  ]

  @Test(arguments: [Transposition.none, .first, .second])
  func values(_ transposition: Transposition) throws {
    var draw = Draw(1)
    var ran = 0
    for size in Self.sizes {
      for adding in [false, true] {
        let product = ProductCase(size, transposition, adding: adding)
        let a = Floats(draw.floats(product.aRows * product.aStride))
        let b = Floats(draw.floats(product.bRows * product.bStride))
        let before = product.drawBefore(&draw)
        let result = try onEveryEngine { engine in
          let c = Floats(before)
          engine.multiply(
            ConstMatrix(
              a.input, rows: product.aRows, columns: product.aColumns, stride: product.aStride),
            ConstMatrix(
              b.input, rows: product.bRows, columns: product.bColumns, stride: product.bStride),
            transposition, into: product.target(c), adding: adding)
          return [c]
        }[0]
        product.expect(result, a: a.values, b: b.values, before: before)
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

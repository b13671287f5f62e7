// Products with a thin side, against fp64, and with the bits that portable products define (PortableProductTests).
import Kernels
import Reference
import Testing

@Suite struct ThinProductTests {
  /// Around the bounds of tiles (8 rows, 16 and 32 columns), chains (256) and sweeps (1,024 columns), with each side thin
  /// and just not thin any more.
  static let sizes = [
    (1, 1, 1), (9, 1, 257), (37, 8, 300), (100, 17, 513), (100, 32, 40), (100, 33, 40), (33, 31, 1000),
    (700, 24, 600), (64, 500, 8), (5, 777, 32), (41, 1030, 9), (41, 1070, 33), (8, 2304, 300),
    (31, 1100, 300), (2304, 8, 300), (1100, 5, 77), (1500, 700, 16),
  ]

  @Test(arguments: [Transposition.none, .first, .second])
  func theBitsOfPortableProducts(_ transposition: Transposition) throws {
    let portable = try Engine(threads: 1, kernel: BLAS.portableName)
    var draw = Draw(7)
    var ran = 0
    for size in Self.sizes {
      let isThin =
        transposition == .first ? min(size.0, size.1) <= 32 : min(size.1, size.2) <= 32
      for adding in [false, true] {
        let product = ProductCase(size, transposition, adding: adding)
        let a = Floats(draw.floats(product.aRows * product.aStride))
        let b = Floats(draw.floats(product.bRows * product.bStride))
        let before = product.drawBefore(&draw)
        func multiply(_ engine: Engine) -> Floats {
          let c = Floats(before)
          engine.multiply(
            ConstMatrix(a.input, rows: product.aRows, columns: product.aColumns, stride: product.aStride),
            ConstMatrix(b.input, rows: product.bRows, columns: product.bColumns, stride: product.bStride),
            transposition, into: product.target(c), adding: adding)
          return c
        }
        let result = try onEveryEngine { [multiply($0)] }[0]
        product.expect(result, a: a.values, b: b.values, before: before)
        if isThin { #expect(sameBits(result, multiply(portable).values), "\(product)") }
        ran += 1
      }
    }
    #expect(ran == Self.sizes.count * 2)
  }

  /// On the calling thread, as terms of adapters are added to tiles.
  @Test(arguments: [Transposition.none, .second])
  func addsToATile(_ transposition: Transposition) throws {
    let engine = try Engine(threads: 1)
    var draw = Draw(8)
    for size in Self.sizes where size.2 <= 32 {
      let product = ProductCase(size, transposition, adding: true)
      let a = Floats(draw.floats(product.aRows * product.aStride))
      let b = Floats(draw.floats(product.bRows * product.bStride))
      let before = product.drawBefore(&draw)
      let c = Floats(before)
      engine.addProductHere(
        ConstMatrix(a.input, rows: product.aRows, columns: product.aColumns, stride: product.aStride),
        ConstMatrix(b.input, rows: product.bRows, columns: product.bColumns, stride: product.bStride),
        transposition, into: product.target(c))
      product.expect(c.values, a: a.values, b: b.values, before: before)
    }
  }

  /// A number that is not finite reaches what is summed with it, and no neighbour that shares its vector.
  @Test(arguments: [Transposition.none, .first, .second])
  func notANumberStaysInItsRow(_ transposition: Transposition) throws {
    var draw = Draw(9)
    let (m, n, k) = (40, 5, 300)
    var values = draw.floats(m * k)
    values[transposition == .first ? 17 * m + 7 : 7 * k + 17] = .nan
    let (a, b, c) = (Floats(values), Floats(draw.floats(n * k)), Floats(count: m * n, of: 0))
    try Engine(threads: 1).multiply(
      transposition == .first
        ? ConstMatrix(a.input, rows: k, columns: m) : ConstMatrix(a.input, rows: m, columns: k),
      transposition == .second
        ? ConstMatrix(b.input, rows: n, columns: k) : ConstMatrix(b.input, rows: k, columns: n),
      transposition, into: MutableMatrix(c.base, rows: m, columns: n))
    let spread = c.values.enumerated().filter { $0.element.isNaN }.map(\.offset)
    #expect(spread == Array(7 * n..<8 * n))
  }
}

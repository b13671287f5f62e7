// Portable products: near fp64, and to the bit what their definition says, which names no processor.
import Kernels
import Reference
import Testing

@Suite struct PortableProductTests {
  /// Around the bounds of tiles, chains (256) and blocks (512 columns).
  static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (12, 32, 7), (13, 33, 256), (11, 15, 257), (25, 31, 513), (40, 700, 50),
    (700, 40, 50), (6, 1040, 300), (100, 64, 64), (2, 5, 1000),
  ]

  @Test(arguments: [Transposition.none, .first, .second])
  func theBitsOfTheDefinition(_ transposition: Transposition) throws {
    let blas = try BLAS.open(kernel: BLAS.portableName)
    var draw = Draw(1)
    for size in Self.sizes {
      for (adding, factor) in [(false, Float(1)), (true, 1), (false, 0.3), (true, -2.7)] {
        let product = ProductCase(size, transposition, adding: adding)
        let a = Floats(draw.floats(product.aRows * product.aStride))
        let b = Floats(draw.floats(product.bRows * product.bStride))
        let before = product.drawBefore(&draw)
        let c = Floats(before)
        blas.product(
          transposition, m: product.m, n: product.n, k: product.k, alpha: factor, a.input, product.aStride,
          b.input,
          product.bStride, beta: adding ? 1 : 0, c.base, product.cStride)
        if factor == 1 { product.expect(c.values, a: a.values, b: b.values, before: before) }
        #expect(
          sameBits(c.values, defined(product, factor, a.values, b.values, before)), "\(product), \(factor)")
      }
    }
  }

  /// Chains of 256 fused multiply-adds, added one after the other.
  private func defined(
    _ product: ProductCase, _ factor: Float, _ a: [Float], _ b: [Float], _ before: [Float]
  ) -> [Float] {
    var c = before
    for row in 0..<product.m {
      for column in 0..<product.n {
        let place = row * product.cStride + column
        for start in stride(from: 0, to: product.k, by: 256) {
          var chain: Float = 0
          for k in start..<min(start + 256, product.k) {
            let x =
              factor
              * a[product.transposition == .first ? k * product.aStride + row : row * product.aStride + k]
            let y = b[
              product.transposition == .second ? column * product.bStride + k : k * product.bStride + column]
            chain = chain.addingProduct(x, y)
          }
          c[place] = product.adding || start > 0 ? c[place] + chain : chain
        }
      }
    }
    return c
  }

  @Test func nothingToSumIsZero() throws {
    let blas = try BLAS.open(kernel: BLAS.portableName)
    let (a, c) = (Floats([1]), Floats([5, 6]))
    blas.product(.none, m: 1, n: 2, k: 0, a.input, 1, a.input, 2, beta: 1, c.base, 2)
    #expect(c.values == [5, 6])
    blas.product(.none, m: 1, n: 2, k: 0, a.input, 1, a.input, 2, c.base, 2)
    #expect(c.values == [0, 0])
  }

  @Test func notANumberReachesItsRowOnly() throws {
    let blas = try BLAS.open(kernel: BLAS.portableName)
    var draw = Draw(2)
    var values = draw.floats(20 * 20)
    values[7 * 20 + 4] = .nan
    let (a, b, c) = (Floats(values), Floats(draw.floats(20 * 20)), Floats(count: 20 * 20, of: 0))
    blas.product(.none, m: 20, n: 20, k: 20, a.input, 20, b.input, 20, c.base, 20)
    #expect(c.values.enumerated().filter { $0.element.isNaN }.map(\.offset) == Array(140..<160))
  }

  /// What is multiplied in bfloat16 is widened, on any number of threads.
  @Test func halvesAreWidened() throws {
    let engine = try Engine(threads: 1, kernel: BLAS.portableName)
    #expect(engine.halves.name == "portable products, widened")
    #expect(engine.blas.reasonWhySlow == nil && engine.blas.isPortable)
  }
}

// fp32 products by three of bfloat16: within their bound of fp64, and the same bits on any number of threads.
import Base
import Kernels
import Reference
import Testing

@Suite struct SplitProductTests {
  /// Around the bounds of tiles, and of what is split at once (1,024 rows and columns, a depth of 2,048).
  private static let sizes = [
    (1, 1, 1), (3, 1, 2), (1, 17, 5), (33, 15, 100), (64, 64, 64), (1030, 9, 33), (9, 1030, 33), (6, 7, 2500),
  ]

  /// The products; nil where this processor does not multiply bfloat16, which is expected to be said.
  private func open() throws -> BLAS? {
    guard HalfKernels.best == .widened else { return try BLAS.open(kernel: BLAS.splitName) }
    let error = #expect(throws: UserError.self) { try BLAS.open(kernel: BLAS.splitName) }
    #expect(error?.place == "parallel.arithmetic" && error?.what.hasPrefix("is bf16x3, but this") == true)
    return nil
  }

  /// Products of numbers that neither bfloat16 nor the sum of two has.
  @Test func withinTheBound() throws {
    guard let blas = try open() else { return }
    var draw = Draw(7)
    var (largest, compared, outside) = (0.0, 0, [String]())
    for transposition in [Transposition.none, .first, .second] {
      for size in Self.sizes {
        for (adding, factor) in [(false, Float(1)), (true, 1), (false, 0.3)] {
          let product = ProductCase(size, transposition, adding: adding)
          let a = draw.floats(product.aRows * product.aStride)
          let b = draw.floats(product.bRows * product.bStride)
          let before = product.drawBefore(&draw)
          let (aIn, bIn, c) = (Floats(a), Floats(b), Floats(before))
          blas.product(
            transposition, m: product.m, n: product.n, k: product.k, alpha: factor, aIn.input,
            product.aStride, bIn.input, product.bStride, beta: adding ? 1 : 0, c.base, product.cStride)
          func reference(_ number: @escaping (Float) -> Double) -> [Double] {
            Reference.product(
              product.m, product.n, product.k,
              a: {
                Double(factor)
                  * number(a[transposition == .first ? $1 * product.aStride + $0 : $0 * product.aStride + $1])
              },
              b: {
                number(b[transposition == .second ? $1 * product.bStride + $0 : $0 * product.bStride + $1])
              })
          }
          let (exact, magnitudes) = (reference { Double($0) }, reference { abs(Double($0)) })
          // The factor is rounded into A, and the last addition is rounded too.
          let sums = Double(3 * (product.k + 2) + 2) * 0x1p-24
          for row in 0..<product.m {
            for column in 0..<product.n {
              let place = row * product.n + column
              let old = adding ? Double(before[row * product.cStride + column]) : 0
              let error = abs(Double(c.values[row * product.cStride + column]) - exact[place] - old)
              let bound = 1.01 * (3 * 0x1p-18 + sums) * magnitudes[place] + 0x1p-23 * abs(old) + 1e-30
              if !(error <= bound) { outside.append("\(product), \(factor), at \(row), \(column)") }
              largest = max(largest, error / max(magnitudes[place], 1e-30))
              compared += 1
            }
          }
        }
      }
    }
    #expect(outside.isEmpty, "\(outside.count): \(outside.prefix(5))")
    // Neither without a rest (2^-9 each) nor with the precision of fp32 throughout.
    #expect(largest > 1e-7 && largest < 2e-5 && compared > 190_000, "\(largest) of \(compared)")
  }

  @Test func threadsChangeNoBit() throws {
    guard try open() != nil else { return }
    var draw = Draw(8)
    let (a, b) = (Floats(draw.floats(600 * 300)), Floats(draw.floats(300 * 1100)))
    let results = try [1, 2, 3].map { threads in
      let engine = try Engine(threads: threads, kernel: BLAS.splitName)
      #expect(engine.blas.name == "fp32 by bf16x3" && engine.blas.isSplit)
      let c = Floats(count: 600 * 1100, of: .nan)
      engine.multiply(
        ConstMatrix(a.input, rows: 600, columns: 300), ConstMatrix(b.input, rows: 300, columns: 1100),
        into: MutableMatrix(c.base, rows: 600, columns: 1100))
      return c.values
    }
    #expect(sameBits(results[0], results[1]) && sameBits(results[0], results[2]))
    #expect(results[0].allSatisfy { $0.isFinite })
  }

  @Test func edges() throws {
    guard let blas = try open() else { return }
    func product(_ a: [Float], _ b: [Float], k: Int, beta: Float = 0) -> Float {
      let (a, b, c) = (Floats(a + [0]), Floats(b + [0]), Floats([5]))
      blas.product(.none, m: 1, n: 1, k: k, a.input, max(k, 1), b.input, 1, beta: beta, c.base, 1)
      return c.values[0]
    }
    #expect(product([], [], k: 0) == 0 && product([], [], k: 0, beta: 1) == 5)
    // What is not finite stays so.
    #expect(product([.infinity], [2], k: 1).isNaN && product([3], [-.infinity], k: 1).isNaN)
    #expect(product([.nan], [2], k: 1).isNaN && product([1, .nan], [2, 0], k: 2).isNaN)
    // Sixteen bits of a number are exact, and so are both of these products.
    #expect(product([1 + 0x1p-15], [1], k: 1) == 1 + 0x1p-15)
    #expect(product([1 + 0x1p-15, 1], [1, -1], k: 2) == 0x1p-15)
    #expect(abs(product([1e30], [1e-30], k: 1) - 1) < 2e-5)
  }
}

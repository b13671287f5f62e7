// A product of matrices whose rows lie further apart than they are long, and its expected result.
import Kernels
import Reference
import Testing

struct ProductCase: CustomStringConvertible {
  /// One ulp of 1 for each of the k products: with operands up to 1, partial sums are of size √k / 3, and
  /// their k roundings of half an ulp each rarely all go one way.
  private static let tolerance = 1.2e-7

  let m: Int
  let n: Int
  let k: Int
  let transposition: Transposition
  let adding: Bool
  /// Numbers between the rows of B.
  let bGap: Int

  init(_ size: (m: Int, n: Int, k: Int), _ transposition: Transposition, adding: Bool, bGap: Int = 1) {
    (m, n, k) = size
    self.bGap = bGap
    self.transposition = transposition
    self.adding = adding
  }

  var aRows: Int { transposition == .first ? k : m }
  var aColumns: Int { transposition == .first ? m : k }
  var bRows: Int { transposition == .second ? n : k }
  var bColumns: Int { transposition == .second ? k : n }
  // A different gap for each matrix.
  var aStride: Int { aColumns + 3 }
  var bStride: Int { bColumns + bGap }
  var cStride: Int { n + 2 }

  var description: String { "\(m) x \(n) x \(k), \(transposition), adding: \(adding)" }

  /// The content of the result's memory before; it must not matter unless the product is added, not even NaN.
  func drawBefore(_ draw: inout Draw) -> [Float] {
    adding ? draw.floats(m * cStride) : [Float](repeating: .nan, count: m * cStride)
  }

  func target(_ c: Floats) -> MutableMatrix { MutableMatrix(c.base, rows: m, columns: n, stride: cStride) }

  /// Expects the fp64 product of two matrices with elements up to 1, and the bits of `before` between its rows.
  func expect(
    _ result: [Float], a: [Float], b: [Float], before: [Float],
    at location: SourceLocation = #_sourceLocation
  ) {
    let product = Reference.product(
      m, n, k, a: { Double(a[transposition == .first ? $1 * aStride + $0 : $0 * aStride + $1]) },
      b: { Double(b[transposition == .second ? $1 * bStride + $0 : $0 * bStride + $1]) })
    var got: [Float] = []
    var want: [Double] = []
    var gaps = true
    for place in 0..<m * cStride {
      let (row, column) = (place / cStride, place % cStride)
      if column >= n {
        gaps = gaps && result[place].bitPattern == before[place].bitPattern
        continue
      }
      got.append(result[place])
      want.append(product[row * n + column] + (adding ? Double(before[place]) : 0))
    }
    #expect(gaps, "between the rows of \(self)", sourceLocation: location)
    expectClose(got, want, Self.tolerance, scale: Double(k) + 1, "\(self)", at: location)
  }
}

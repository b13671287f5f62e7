// Whether one call of a matrix library gives the bits of a call for each tile. OpenBLAS's AVX-512 kernels do: each
// element is one chain over the inner dimension, wherever it stands. Its AVX2 kernels do not.
import Foundation
import Tensors

enum TileJoin {
  /// Tiles begin at multiples of 16 and of nothing larger, and sizes are of no multiple.
  private static let (m, n, k) = (275, 337, 450)
  private static let (row, column) = (112, 176)

  /// Compares the bits of products in one call with those of four, in all layouts.
  static func isExact(_ sgemm: @escaping BLAS.SGEMM) -> Bool {
    let a = FlatMemory(count: m * k, label: "tiles")
    let b = FlatMemory(count: k * n, label: "tiles")
    let whole = FlatMemory(count: m * n, label: "tiles")
    let parts = FlatMemory(count: m * n, label: "tiles")
    fill(a, 1)
    fill(b, 2)
    return [Transposition.none, .first, .second].allSatisfy { transposition in
      let (lda, ldb) = (transposition == .first ? m : k, transposition == .second ? k : n)
      func multiply(_ rows: Range<Int>, _ columns: Range<Int>, into c: FlatMemory) {
        BLAS.multiply(
          sgemm, transposition, m: rows.count, n: columns.count, k: k,
          a.base + (transposition == .first ? rows.lowerBound : rows.lowerBound * lda), lda,
          b.base + (transposition == .second ? columns.lowerBound * ldb : columns.lowerBound), ldb,
          c.base + rows.lowerBound * n + columns.lowerBound, n)
      }
      multiply(0..<m, 0..<n, into: whole)
      for rows in [0..<row, row..<m] {
        for columns in [0..<column, column..<n] { multiply(rows, columns, into: parts) }
      }
      return memcmp(whole.base, parts.base, m * n * MemoryLayout<Float>.size) == 0
    }
  }

  /// Numbers of all signs and many sizes, so that other orders of sums give other bits.
  private static func fill(_ memory: FlatMemory, _ seed: UInt32) {
    var state = seed
    for place in 0..<memory.count {
      state = state &* 1_664_525 &+ 1_013_904_223
      memory.base[place] = Float(Int32(bitPattern: state) >> 8) * 0x1p-23
    }
  }
}

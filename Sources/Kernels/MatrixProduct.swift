// C = alpha · A B + beta · C, on tiles of C whose bounds depend on the shapes alone, each computed by one
// thread: the result does not depend on how many threads there are.

/// A row-major matrix inside flat memory. `stride` is the distance of two rows.
package struct Matrix<Pointer> {
  package let base: Pointer
  package let rows: Int
  package let columns: Int
  package let stride: Int

  @inline(__always)
  package init(_ base: Pointer, rows: Int, columns: Int, stride: Int? = nil) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }
}

package typealias ConstMatrix = Matrix<UnsafePointer<Float>>
package typealias MutableMatrix = Matrix<UnsafeMutablePointer<Float>>

/// Which operands enter a product transposed.
package enum Transposition: Sendable {
  case none
  /// C = Aᵀ B
  case first
  /// C = A Bᵀ
  case second
}

/// The threads and the matrix library of a rank: what every kernel runs on.
package struct Engine: Sendable {
  package let pool: WorkerPool
  package let blas: BLAS
  /// Collects times where it is given.
  package let profile: Profile?

  /// - Parameter kernel: see `BLAS.open`.
  package init(threads: Int, kernel: String? = nil, profile: Profile? = nil) throws {
    self.profile = profile
    blas = try BLAS.open(kernel: kernel)
    pool = WorkerPool(threads: threads)
  }

  /// C = alpha · op(A) op(B) + beta · C with C [m, n] and the inner dimension k.
  package func multiply(
    _ a: ConstMatrix, _ b: ConstMatrix, _ transposition: Transposition = .none,
    into c: MutableMatrix, alpha: Float = 1, beta: Float = 0
  ) {
    let m = c.rows
    let n = c.columns
    let k = transposition == .first ? a.rows : a.columns
    precondition((transposition == .first ? a.columns : a.rows) == m, "A does not fit C")
    precondition((transposition == .second ? b.rows : b.columns) == n, "B does not fit C")
    precondition((transposition == .second ? b.columns : b.rows) == k, "A does not fit B")
    guard m > 0, n > 0 else { return }
    let tiles = ProductTiles(m: m, n: n, k: k)
    pool.run(tiles.count) { tile, _ in
      let (rows, columns) = tiles[tile]
      product(
        transposition, m: rows.count, n: columns.count, k: k, alpha: alpha,
        a.base + (transposition == .first ? rows.lowerBound : rows.lowerBound * a.stride), a.stride,
        b.base + (transposition == .second ? columns.lowerBound * b.stride : columns.lowerBound), b.stride,
        beta: beta, c.base + rows.lowerBound * c.stride + columns.lowerBound, c.stride)
    }
  }

  /// C = A B on the calling thread alone.
  package func multiplyHere(_ a: ConstMatrix, _ b: ConstMatrix, into c: MutableMatrix) {
    product(
      .none, m: c.rows, n: c.columns, k: a.columns, a.base, a.stride, b.base, b.stride, c.base, c.stride)
  }

  /// One call of the library on the calling thread; what kernels use inside their own tiles.
  @inline(__always)
  func product(
    _ transposition: Transposition, m: Int, n: Int, k: Int, alpha: Float = 1,
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, _ ldc: Int
  ) {
    let start = profile == nil ? 0 : now()
    defer { profile?.countProduct(m: m, n: n, k: k, since: start) }
    let rowMajor: Int32 = 101
    let plain: Int32 = 111
    let transposed: Int32 = 112
    blas.sgemm(
      rowMajor, transposition == .first ? transposed : plain, transposition == .second ? transposed : plain,
      Int32(m), Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }
}

/// How C is cut: a function of the shapes alone.
struct ProductTiles {
  let rows: [Range<Int>]
  let columns: [Range<Int>]

  init(m: Int, n: Int, k: Int) {
    // Below a few million operations a product is over before a second thread is awake.
    guard m * n * k > 1 << 20 else {
      rows = [0..<m]
      columns = [0..<n]
      return
    }
    // Tiles of about 512 × 1024 lose 5 % against a whole product on one thread, narrow ones 15 %.
    var (down, across) = (max((m + 256) / 512, 1), max((n + 512) / 1024, 1))
    // An even number of tiles keeps two threads equally busy.
    if down * across % 2 == 1 {
      if n >= m { across += 1 } else { down += 1 }
    }
    rows = Self.cut(m, into: down)
    columns = Self.cut(n, into: across)
  }

  var count: Int { rows.count * columns.count }

  subscript(tile: Int) -> (Range<Int>, Range<Int>) {
    (rows[tile / columns.count], columns[tile % columns.count])
  }

  /// Bounds at multiples of 16, so that every tile but the last fills whole vectors.
  private static func cut(_ length: Int, into pieces: Int) -> [Range<Int>] {
    let unit = 16
    let units = (length + unit - 1) / unit
    return (0..<pieces).compactMap { piece in
      let range =
        min(units * piece / pieces * unit, length)..<min(units * (piece + 1) / pieces * unit, length)
      return range.isEmpty ? nil : range
    }
  }
}

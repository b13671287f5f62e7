// C = A B, or C += A B, on tiles of C whose bounds depend on the shapes alone, each computed by one
// thread: the result does not depend on how many threads there are.

import Base
import Tensors

/// A row-major matrix inside flat memory. `stride` is the distance between two rows.
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
package typealias HalfMatrix = Matrix<UnsafePointer<BFloat16>>

/// A matrix to multiply, in the type of the model. Both operands of a product have the same type, except for a frozen
/// weight, which is widened to the type of the other operand.
package enum Operand {
  case float32(ConstMatrix)
  case bfloat16(HalfMatrix)
  case frozen(FrozenMatrix)
}

/// Which operands enter a product transposed.
package enum Transposition: String, Codable, Sendable {
  case none
  /// C = Aᵀ B
  case first
  /// C = A Bᵀ
  case second
}

extension Engine {
  /// C = op(A) op(B), or C += op(A) op(B), with C [m, n] and sums in fp32.
  /// - Parameter after: processes each finished tile of C on the thread that computed it, while it is in the cache.
  package func multiply(
    _ a: Operand, _ b: Operand, _ transposition: Transposition = .none, into c: MutableMatrix,
    adding: Bool = false, after: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void = { _, _ in }
  ) {
    if multipliesByRow {
      return multiplyByRow(a, b, transposition, into: c, adding: adding, after: after)
    }
    switch (a, b) {
    case (.float32(let a), .float32(let b)):
      let k = transposition == .first ? a.rows : a.columns
      if isThin(transposition, m: c.rows, n: c.columns, k: k) {
        return forEachTile(a, b, transposition, c, joins: true, after) { tile, _ in
          thinProduct(
            transposition, m: tile.m, n: tile.n, k: tile.k, tile.a, a.stride, tile.b, b.stride,
            adding: adding, tile.c, c.stride)
        }
      }
      forEachTile(a, b, transposition, c, joins: joinsTiles, after) { tile, _ in
        product(
          transposition, m: tile.m, n: tile.n, k: tile.k, tile.a, a.stride, tile.b, b.stride,
          beta: adding ? 1 : 0, tile.c, c.stride)
      }
    case (.bfloat16(let a), .bfloat16(let b)):
      let halves = halves
      let k = transposition == .first ? a.rows : a.columns
      let largest =
        halves.joinsTiles ? (m: c.rows, n: c.columns) : ProductTiles(m: c.rows, n: c.columns, k: k).largest
      halves.reserve(m: largest.m, n: largest.n, k: k)
      forEachTile(a, b, transposition, c, joins: halves.joinsTiles, after) { tile, worker in
        let start = profile == nil ? 0 : monotonicNanoseconds()
        halves.product(
          HalfProductShape(
            transposition: transposition, m: tile.m, n: tile.n, k: tile.k, lda: a.stride, ldb: b.stride,
            ldc: c.stride, adding: adding), tile.a, tile.b, tile.c, worker: worker)
        profile?.countProduct(m: tile.m, n: tile.n, k: tile.k, since: start)
      }
    case (.float32(let a), .frozen(let w)):
      reserveForFrozen(c, k: a.columns, halves: nil)
      forEachTile(m: a.rows, k: a.columns, w, transposition, c, joins: joinsTiles, after) {
        rows, columns, worker in
        frozenProduct(
          transposition, a, w, rows: rows, columns: columns, adding: adding, into: c, worker: worker)
      }
    case (.bfloat16(let a), .frozen(let w)):
      let halves = halves
      reserveForFrozen(c, k: a.columns, halves: halves)
      forEachTile(m: a.rows, k: a.columns, w, transposition, c, joins: halves.joinsTiles, after) {
        rows, columns, worker in
        frozenProduct(
          transposition, a, w, rows: rows, columns: columns, adding: adding, into: c, by: halves,
          worker: worker)
      }
    default: preconditionFailure("operands of a product are of one type")
    }
  }

  package func multiply(
    _ a: ConstMatrix, _ b: ConstMatrix, _ transposition: Transposition = .none, into c: MutableMatrix,
    adding: Bool = false
  ) {
    multiply(.float32(a), .float32(b), transposition, into: c, adding: adding)
  }

  /// Calls `body` on the pool, with the part of each operand that a tile of C is computed from.
  /// - Parameter joins: whether tiles may be computed together where one thread computes them all.
  @inline(__always)
  private func forEachTile<T>(
    _ a: Matrix<UnsafePointer<T>>, _ b: Matrix<UnsafePointer<T>>, _ transposition: Transposition,
    _ c: MutableMatrix, joins: Bool, _ after: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void,
    _ body: (Tile<T>, _ worker: Int) -> Void
  ) {
    let k = transposition == .first ? a.rows : a.columns
    precondition((transposition == .first ? a.columns : a.rows) == c.rows, "A does not fit C")
    precondition((transposition == .second ? b.rows : b.columns) == c.columns, "B does not fit C")
    precondition((transposition == .second ? b.columns : b.rows) == k, "A does not fit B")
    guard c.rows > 0, c.columns > 0 else { return }
    let tiles = ProductTiles(m: c.rows, n: c.columns, k: k)
    let shares = shares(of: tiles, joins: joins)
    pool.run(shares.down * shares.across) { share, worker in
      let (down, across) = tiles.tiles(of: share, in: shares)
      let (rows, columns) = (tiles.rows(down), tiles.columns(across))
      let tile = Tile(
        m: rows.count, n: columns.count, k: k,
        a: a.base + (transposition == .first ? rows.lowerBound : rows.lowerBound * a.stride),
        b: b.base + (transposition == .second ? columns.lowerBound * b.stride : columns.lowerBound),
        c: c.base + rows.lowerBound * c.stride + columns.lowerBound)
      body(tile, worker)
      for row in down {
        for column in across { after(tiles.rows(row..<row + 1), tiles.columns(column..<column + 1)) }
      }
    }
  }

  /// The same for a frozen W: the worker that computes a tile widens its part of W, for all tiles of the share that
  /// lie below each other.
  @inline(__always)
  private func forEachTile(
    m: Int, k: Int, _ w: FrozenMatrix, _ transposition: Transposition, _ c: MutableMatrix, joins: Bool,
    _ after: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void,
    _ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    precondition(transposition != .first, "a frozen matrix has no gradient")
    precondition(m == c.rows, "A does not fit C")
    precondition((transposition == .second ? w.rows : w.columns) == c.columns, "W does not fit C")
    precondition((transposition == .second ? w.columns : w.rows) == k, "A does not fit W")
    guard c.rows > 0, c.columns > 0 else { return }
    let tiles = ProductTiles(m: c.rows, n: c.columns, k: k, depth: FrozenParts.wideDepth)
    let shares = shares(of: tiles, joins: joins)
    pool.run(shares.down * shares.across) { share, worker in
      let (down, across) = tiles.tiles(of: share, in: shares)
      for column in across {
        let columns = tiles.columns(column..<column + 1)
        body(tiles.rows(down), columns, worker)
        for row in down { after(tiles.rows(row..<row + 1), columns) }
      }
    }
  }

  /// Messages that wait need the time between tiles: 2^30 multiplications take some 20 ms.
  private func shares(of tiles: ProductTiles, joins: Bool) -> ProductTiles.Shares {
    joins
      ? tiles.shares(among: pool.threads, atMost: pool.betweenTiles == nil ? .max : 1 << 30) : tiles.each
  }

  /// C = A B on the calling thread alone.
  package func multiplyHere(_ a: ConstMatrix, _ b: ConstMatrix, into c: MutableMatrix) {
    product(
      .none, m: c.rows, n: c.columns, k: a.columns, a.base, a.stride, b.base, b.stride, c.base, c.stride)
  }

  /// The same for bfloat16 matrices, with the kernels of one worker.
  package func multiplyHere(_ a: HalfMatrix, _ b: HalfMatrix, into c: MutableMatrix, worker: Int) {
    halves.product(
      HalfProductShape(
        transposition: .none, m: c.rows, n: c.columns, k: a.columns, lda: a.stride, ldb: b.stride,
        ldc: c.stride, adding: false), a.base, b.base, c.base, worker: worker)
  }

  /// One call of the library on the calling thread; kernels use it inside their own tiles.
  @inline(__always)
  func product(
    _ transposition: Transposition, m: Int, n: Int, k: Int, alpha: Float = 1,
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, _ ldc: Int
  ) {
    let start = profile == nil ? 0 : monotonicNanoseconds()
    defer { profile?.countProduct(m: m, n: n, k: k, since: start) }
    if multipliesByRow {
      return productByRow(
        transposition, m: m, n: n, k: k, alpha: alpha, a, lda, b, ldb, beta: beta, c, ldc)
    }
    blas.product(transposition, m: m, n: n, k: k, alpha: alpha, a, lda, b, ldb, beta: beta, c, ldc)
  }
}

/// The operands of one tile of a product.
private struct Tile<T> {
  let m, n, k: Int
  let a: UnsafePointer<T>
  let b: UnsafePointer<T>
  let c: UnsafeMutablePointer<Float>
}

/// How C is cut: a function of the shapes alone.
struct ProductTiles {
  private let m: Int
  private let n: Int
  private let down: Int
  private let across: Int
  /// Whether every tile is large enough for the kernels that the whole product takes: OpenBLAS has others for less than
  /// a million multiplications.
  private let canBeJoined: Bool
  private let multiplications: Int
  /// Bounds are multiples of this, so that every tile but the last fills whole vectors.
  private static let unit = 16

  /// - Parameter depth: how many numbers of the inner dimension a call takes; nil for all.
  init(m: Int, n: Int, k: Int, depth: Int? = nil) {
    self.m = m
    self.n = n
    let last = depth.map { k % $0 == 0 ? min($0, k) : k % $0 } ?? k
    multiplications = m * n * k
    // Below a few million operations, a product is over before a second thread is awake.
    guard multiplications > 1 << 20 else {
      down = 1
      across = 1
      canBeJoined = false
      return
    }
    // Tiles of about 512 × 1024 lose 5 % compared with a whole product on one thread, narrow ones 15 %.
    var (down, across) = (max((m + 256) / 512, 1), max((n + 512) / 1024, 1))
    // An even number of tiles keeps two threads equally busy.
    if down * across % 2 == 1 {
      if n >= m { across += 1 } else { down += 1 }
    }
    // There are no more tiles than units, so that none is empty.
    self.down = min(down, (m + Self.unit - 1) / Self.unit)
    self.across = min(across, (n + Self.unit - 1) / Self.unit)
    // Tiles differ by less than half of their size.
    canBeJoined = m * n * last / (self.down * self.across) >= 1 << 22
  }

  var count: Int { down * across }

  /// How many pieces C is cut into, each of which is one tile or several, as many as any other.
  typealias Shares = (down: Int, across: Int)

  var each: Shares { (down, across) }

  /// The fewest shares of which all workers get as many: tiles that lie beside each other make one call, which packs
  /// each operand once.
  /// - Parameter limit: the most multiplications of a share, unless a tile has more.
  func shares(among workers: Int, atMost limit: Int) -> Shares {
    guard canBeJoined else { return each }
    var fewest = each
    for rows in 1...down where down % rows == 0 {
      for columns in 1...across where across % columns == 0 && rows * columns < fewest.down * fewest.across {
        let count = rows * columns
        if count % workers == 0, multiplications / count <= limit { fewest = (rows, columns) }
      }
    }
    return fewest
  }

  /// The tiles of a share, counted down and across.
  func tiles(of share: Int, in shares: Shares) -> (down: Range<Int>, across: Range<Int>) {
    let (row, column) = share.quotientAndRemainder(dividingBy: shares.across)
    let (height, width) = (down / shares.down, across / shares.across)
    return (row * height..<(row + 1) * height, column * width..<(column + 1) * width)
  }

  func rows(_ tiles: Range<Int>) -> Range<Int> { Self.pieces(tiles, of: down, length: m) }
  func columns(_ tiles: Range<Int>) -> Range<Int> { Self.pieces(tiles, of: across, length: n) }

  /// Rows and columns of the largest tile, or a few more.
  var largest: (m: Int, n: Int) {
    (min((m + down - 1) / down + Self.unit, m), min((n + across - 1) / across + Self.unit, n))
  }

  subscript(tile: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (row, column) = tile.quotientAndRemainder(dividingBy: across)
    return (rows(row..<row + 1), columns(column..<column + 1))
  }

  private static func pieces(_ range: Range<Int>, of pieces: Int, length: Int) -> Range<Int> {
    let units = (length + unit - 1) / unit
    func bound(_ piece: Int) -> Int { min(units * piece / pieces * unit, length) }
    return bound(range.lowerBound)..<bound(range.upperBound)
  }
}

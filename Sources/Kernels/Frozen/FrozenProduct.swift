// Products with a frozen matrix: each tile of it is widened where and when it is multiplied, 256 numbers of the inner
// dimension at a time, so that a wide copy of the whole is never in memory.
import Base
import Tensors

/// What each worker widens into.
final class FrozenRooms: @unchecked Sendable {
  private var memory = FlatMemory(count: 0, label: "widened")
  private let threads: Int
  /// Floats of one worker.
  private var count = 0

  init(threads: Int) { self.threads = threads }

  /// Grows to what every worker needs, before any starts: which of them sees a large tile is left to chance.
  func reserve(_ count: Int) {
    guard count > self.count else { return }
    // Whole cache lines, so that no two workers share one.
    self.count = (count + 15) / 16 * 16
    memory = FlatMemory(count: self.count * threads, label: "widened")
  }

  func room(_ worker: Int) -> UnsafeMutablePointer<Float> { memory.base + worker * count }
}

extension Engine {
  /// How many numbers of the inner dimension are widened at once.
  private static let depth = 256

  /// Makes room for the tiles of a product, and for what `halves` needs beside.
  func reserveForFrozen(_ c: MutableMatrix, k: Int, halves: HalfProducts?) {
    let largest = ProductTiles(m: c.rows, n: c.columns, k: k).largest
    let depth = min(Self.depth, k)
    frozenRooms.reserve(depth * largest.n)
    halves?.reserve(m: largest.m, n: largest.n, k: depth)
  }

  /// C = A op(W), or C += A op(W), for a tile of C.
  @inline(__always)
  func frozenProduct(
    _ transposition: Transposition, _ a: ConstMatrix, _ w: FrozenMatrix, rows: Range<Int>,
    columns: Range<Int>, adding: Bool, into c: MutableMatrix, worker: Int
  ) {
    forEachDepth(transposition, w, columns, worker) { start, count, wide, stride in
      product(
        transposition, m: rows.count, n: columns.count, k: count,
        a.base + rows.lowerBound * a.stride + start, a.stride, wide, stride,
        beta: adding || start > 0 ? 1 : 0, c.base + rows.lowerBound * c.stride + columns.lowerBound,
        c.stride)
    }
  }

  /// The same for an activation that is rounded to bfloat16; W is rounded too.
  @inline(__always)
  func frozenProduct(
    _ transposition: Transposition, _ a: HalfMatrix, _ w: FrozenMatrix, rows: Range<Int>,
    columns: Range<Int>, adding: Bool, into c: MutableMatrix, by halves: HalfProducts, worker: Int
  ) {
    forEachDepth(transposition, w, columns, worker) { start, count, wide, stride in
      let narrow = UnsafeMutableRawPointer(wide).assumingMemoryBound(to: BFloat16.self)
      BFloat16.narrow(wide, count: count * columns.count, into: narrow)
      let began = profile == nil ? 0 : monotonicNanoseconds()
      halves.product(
        HalfProductShape(
          transposition: transposition, m: rows.count, n: columns.count, k: count, lda: a.stride,
          ldb: stride, ldc: c.stride, adding: adding || start > 0),
        a.base + rows.lowerBound * a.stride + start, narrow,
        c.base + rows.lowerBound * c.stride + columns.lowerBound, worker: worker)
      profile?.countProduct(m: rows.count, n: columns.count, k: count, since: began)
    }
  }

  /// Widens the part of W that a tile of C needs, one range of the inner dimension at a time.
  @inline(__always)
  private func forEachDepth(
    _ transposition: Transposition, _ w: FrozenMatrix, _ columns: Range<Int>, _ worker: Int,
    _ body: (_ start: Int, _ count: Int, _ wide: UnsafeMutablePointer<Float>, _ stride: Int) -> Void
  ) {
    let inner = transposition == .second ? w.columns : w.rows
    let wide = frozenRooms.room(worker)
    for start in stride(from: 0, to: inner, by: Self.depth) {
      let count = min(Self.depth, inner - start)
      if transposition == .second {
        for (place, row) in columns.enumerated() {
          w.widen(row: row, columns: start..<start + count, into: wide + place * count)
        }
        body(start, count, wide, count)
      } else {
        for place in 0..<count {
          w.widen(row: start + place, columns: columns, into: wide + place * columns.count)
        }
        body(start, count, wide, columns.count)
      }
    }
  }
}

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
  static let frozenDepth = 256

  /// Makes room for the tiles of a product, and for what `halves` needs beside.
  func reserveForFrozen(_ c: MutableMatrix, k: Int, halves: HalfProducts?) {
    let largest = ProductTiles(m: c.rows, n: c.columns, k: k).largest
    let depth = min(Self.frozenDepth, k)
    frozenRooms.reserve(depth * largest.n + (halves == nil ? 0 : max(Self.frozenDepth, largest.n)))
    let rows = halves?.joinsTiles == true ? c.rows : largest.m
    halves?.reserve(m: rows, n: largest.n, k: depth)
  }

  /// C = A op(W), or C += A op(W), for a tile of C.
  @inline(__always)
  func frozenProduct(
    _ transposition: Transposition, _ a: ConstMatrix, _ w: FrozenMatrix, rows: Range<Int>,
    columns: Range<Int>, adding: Bool, into c: MutableMatrix, worker: Int
  ) {
    let wide = frozenRooms.room(worker)
    forEachDepth(transposition, w, columns) { row, columns, place in
      w.widen(row: row, columns: columns, into: wide + place)
    } body: { start, count, stride in
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
    let wideRow = frozenRooms.room(worker)
    let narrow = UnsafeMutableRawPointer(wideRow + max(Self.frozenDepth, columns.count))
      .assumingMemoryBound(to: BFloat16.self)
    forEachDepth(transposition, w, columns) { row, columns, place in
      w.narrow(row: row, columns: columns, into: narrow + place, room: wideRow)
    } body: { start, count, stride in
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

  /// Brings the part of W that a tile of C needs, one range of the inner dimension at a time.
  /// - Parameters:
  ///   - bring: some columns of a row of W, to a place in the worker's room.
  ///   - body: gets the range's numbers, and how far apart rows lie in the room.
  @inline(__always)
  private func forEachDepth(
    _ transposition: Transposition, _ w: FrozenMatrix, _ columns: Range<Int>,
    bring: (_ row: Int, _ columns: Range<Int>, _ place: Int) -> Void,
    body: (_ start: Int, _ count: Int, _ stride: Int) -> Void
  ) {
    let inner = transposition == .second ? w.columns : w.rows
    for start in stride(from: 0, to: inner, by: Self.frozenDepth) {
      let count = min(Self.frozenDepth, inner - start)
      if transposition == .second {
        for (place, row) in columns.enumerated() { bring(row, start..<start + count, place * count) }
        body(start, count, count)
      } else {
        for place in 0..<count { bring(start + place, columns, place * columns.count) }
        body(start, count, columns.count)
      }
    }
  }
}

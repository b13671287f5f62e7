// Products with a frozen matrix. The worker that multiplies a tile of the matrix first widens it, 256 numbers of the
// inner dimension at a time, so that a wide copy of the whole matrix is never in memory.
import Tensors

/// Memory that each worker widens into; it grows to the size of the largest tile.
final class FrozenRooms: @unchecked Sendable {
  private var rooms: [FlatMemory]

  init(threads: Int) { rooms = (0..<threads).map { _ in FlatMemory(count: 0, label: "widened") } }

  func room(_ worker: Int, count: Int) -> UnsafeMutablePointer<Float> {
    if rooms[worker].count < count { rooms[worker] = FlatMemory(count: count, label: "widened") }
    return rooms[worker].base
  }
}

extension Engine {
  /// How many numbers of the inner dimension are widened at once.
  private static let depth = 256

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
    columns: Range<Int>, adding: Bool, into c: MutableMatrix, worker: Int
  ) {
    let halves = halves
    forEachDepth(transposition, w, columns, worker) { start, count, wide, stride in
      let narrow = UnsafeMutableRawPointer(wide).assumingMemoryBound(to: BFloat16.self)
      BFloat16.narrow(wide, count: count * columns.count, into: narrow)
      halves.product(
        OneDNN.Shape(
          transposition: transposition, m: rows.count, n: columns.count, k: count, lda: a.stride,
          ldb: stride, ldc: c.stride, adding: adding || start > 0),
        a.base + rows.lowerBound * a.stride + start, narrow,
        c.base + rows.lowerBound * c.stride + columns.lowerBound, worker: worker)
    }
  }

  /// Widens the part of W that a tile of C needs, one range of the inner dimension at a time.
  @inline(__always)
  private func forEachDepth(
    _ transposition: Transposition, _ w: FrozenMatrix, _ columns: Range<Int>, _ worker: Int,
    _ body: (_ start: Int, _ count: Int, _ wide: UnsafeMutablePointer<Float>, _ stride: Int) -> Void
  ) {
    precondition(transposition != .first, "a frozen matrix has no gradient")
    let inner = transposition == .second ? w.columns : w.rows
    let wide = frozenRooms.room(worker, count: Self.depth * columns.count)
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

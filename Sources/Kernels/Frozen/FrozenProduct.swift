// Products with a frozen matrix: each part of it is widened where and when it is multiplied, so that a wide copy of the
// whole is never in memory.
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

/// The parts of a frozen W that are widened at once, for some columns of C. They follow from the sizes alone.
struct FrozenParts {
  let width: Int
  let depth: Int

  /// In fp32: all columns, since a library packs them in blocks of its own.
  static let wideDepth = 256
  /// In bfloat16: numbers that the second-level cache holds, of as long a part of the inner dimension as may be, since C
  /// passes through memory once for each.
  private static let numbers = 3 << 17
  private static let mostDepth = 2048
  private static let unit = 32

  init(columns: Int, inner: Int, _ type: ElementType) {
    switch type {
    case .float32: (width, depth) = (columns, Self.wideDepth)
    case .bfloat16:
      depth = Self.even(inner, atMost: Self.mostDepth)
      width = Self.even(columns, atMost: max(Self.numbers / depth, Self.unit))
    }
  }

  /// Numbers of a part of at most so many columns.
  static func room(columns: Int, inner: Int, _ type: ElementType) -> Int {
    let depth = FrozenParts(columns: columns, inner: inner, type).depth
    guard type == .bfloat16 else { return depth * columns }
    // `even` adds less than two units.
    return depth * min(columns, max(numbers / depth, unit) + 2 * unit)
  }

  /// The length of pieces that are whole units, none longer than `most`, and of which none is much shorter.
  private static func even(_ count: Int, atMost most: Int) -> Int {
    let pieces = max((count + most - 1) / most, 1)
    let units = (count + unit - 1) / unit
    return max((units + pieces - 1) / pieces, 1) * unit
  }
}

extension Engine {
  /// Makes room for the tiles of a product, and for what `halves` needs beside.
  func reserveForFrozen(_ c: MutableMatrix, k: Int, halves: HalfProducts?) {
    let largest = ProductTiles(m: c.rows, n: c.columns, k: k).largest
    let numbers = FrozenParts.room(columns: largest.n, inner: k, halves == nil ? .float32 : .bfloat16)
    guard let halves else { return frozenRooms.reserve(numbers) }
    // Numbers of bfloat16, behind a row on its way there.
    frozenRooms.reserve(numbers / 2 + 1 + max(k, largest.n))
    halves.reserve(m: halves.joinsTiles ? c.rows : largest.m, n: largest.n, k: k)
  }

  /// C = A op(W), or C += A op(W), for a tile of C.
  @inline(__always)
  func frozenProduct(
    _ transposition: Transposition, _ a: ConstMatrix, _ w: FrozenMatrix, rows: Range<Int>,
    columns: Range<Int>, adding: Bool, into c: MutableMatrix, worker: Int
  ) {
    let wide = frozenRooms.room(worker)
    let parts = FrozenParts(columns: columns.count, inner: a.columns, .float32)
    forEachPart(parts, transposition, w, columns) { row, columns, place in
      w.widen(row: row, columns: columns, into: wide + place)
    } body: { columns, inner, stride in
      product(
        transposition, m: rows.count, n: columns.count, k: inner.count,
        a.base + rows.lowerBound * a.stride + inner.lowerBound, a.stride, wide, stride,
        beta: adding || inner.lowerBound > 0 ? 1 : 0,
        c.base + rows.lowerBound * c.stride + columns.lowerBound, c.stride)
    }
  }

  /// The same for an activation that is rounded to bfloat16; W is rounded too.
  @inline(__always)
  func frozenProduct(
    _ transposition: Transposition, _ a: HalfMatrix, _ w: FrozenMatrix, rows: Range<Int>,
    columns: Range<Int>, adding: Bool, into c: MutableMatrix, by halves: HalfProducts, worker: Int
  ) {
    let parts = FrozenParts(columns: columns.count, inner: a.columns, .bfloat16)
    let wideRow = frozenRooms.room(worker)
    let narrow = UnsafeMutableRawPointer(wideRow + max(a.columns, columns.count))
      .assumingMemoryBound(to: BFloat16.self)
    forEachPart(parts, transposition, w, columns) { row, columns, place in
      w.narrow(row: row, columns: columns, into: narrow + place, room: wideRow)
    } body: { columns, inner, stride in
      let began = profile == nil ? 0 : monotonicNanoseconds()
      halves.product(
        HalfProductShape(
          transposition: transposition, m: rows.count, n: columns.count, k: inner.count, lda: a.stride,
          ldb: stride, ldc: c.stride, adding: adding || inner.lowerBound > 0),
        a.base + rows.lowerBound * a.stride + inner.lowerBound, narrow,
        c.base + rows.lowerBound * c.stride + columns.lowerBound, worker: worker)
      profile?.countProduct(m: rows.count, n: columns.count, k: inner.count, since: began)
    }
  }

  /// Brings the part of W that some columns of C need, one part after the other.
  /// - Parameters:
  ///   - bring: some columns of a row of W, to a place in the worker's room.
  ///   - body: gets the part's columns of C and numbers of the inner dimension, and how far apart rows lie in the room.
  @inline(__always)
  private func forEachPart(
    _ parts: FrozenParts, _ transposition: Transposition, _ w: FrozenMatrix, _ columns: Range<Int>,
    bring: (_ row: Int, _ columns: Range<Int>, _ place: Int) -> Void,
    body: (_ columns: Range<Int>, _ inner: Range<Int>, _ stride: Int) -> Void
  ) {
    let inner = transposition == .second ? w.columns : w.rows
    for first in stride(from: columns.lowerBound, to: columns.upperBound, by: parts.width) {
      let columns = first..<min(first + parts.width, columns.upperBound)
      for start in stride(from: 0, to: inner, by: parts.depth) {
        let inner = start..<min(start + parts.depth, inner)
        // Rows of W run along the inner dimension, or across it.
        let (rows, along) = transposition == .second ? (columns, inner) : (inner, columns)
        for (place, row) in rows.enumerated() { bring(row, along, place * along.count) }
        body(columns, inner, along.count)
      }
    }
  }
}

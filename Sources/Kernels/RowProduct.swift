// C = A W or C = A Wᵀ with every element summed in one order, whatever the number of rows: a row's results do not
// depend on the rows beside it. A library chooses its order by the number of rows.
//
// W is read once for up to 256 rows. A storage other than fp32 is widened tile by tile; for one row, 16 and 8 bits are
// widened in registers. Of int8 only the codes are multiplied, and the factors of its rows go with x or with results.
// Any cut into tiles gives the same bits (see `row_product.h` for the two orders), so that tiles may follow the number
// of threads.
import Base
import CProcessor
import Tensors

extension Engine {
  /// An engine on the same threads whose products are summed row by row.
  package var byRow: Engine {
    var engine = self
    engine.multipliesByRow = true
    return engine
  }

  /// See `multiply`.
  func multiplyByRow(
    _ a: Operand, _ b: Operand, _ transposition: Transposition, into c: MutableMatrix, adding: Bool,
    after: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
  ) {
    precondition(transposition != .first, "that product sums over rows")
    var a = widened(a)
    let w = RowWeight(b, rounds: a.isRounded)
    let transposed = transposition == .second
    precondition(a.matrix.rows == c.rows, "A does not fit C")
    precondition((transposed ? w.rows : w.columns) == c.columns, "W does not fit C")
    precondition((transposed ? w.columns : w.rows) == a.matrix.columns, "A does not fit W")
    guard c.rows > 0, c.columns > 0 else { return }
    if !transposed, let largest = w.largest { a.matrix = scaled(a.matrix, by: largest) }
    let widens = w.direct == nil && w.narrow(rows: c.rows) == nil
    let tiles = RowTiles(
      rows: c.rows, columns: c.columns, inner: a.matrix.columns, transposed: transposed, widens: widens,
      threads: pool.threads)
    frozenRooms.reserve(transposed ? (widens ? tiles.width * w.columns : 0) : RowTiles.panel)
    pool.run(tiles.count) { [a] index, worker in
      let (rows, columns) = tiles[index]
      let start = profile == nil ? 0 : monotonicNanoseconds()
      let x = ConstMatrix(
        a.matrix.base + rows.lowerBound * a.matrix.stride, rows: rows.count, columns: a.matrix.columns,
        stride: a.matrix.stride)
      let room = frozenRooms.room(worker)
      if transposed {
        dots(x, w, columns, adding: adding, into: c.part(rows, columns), room: room)
      } else {
        chains(x, w, columns, adding: adding, into: c.part(rows, columns), room: room)
      }
      profile?.countProduct(m: rows.count, n: columns.count, k: x.columns, since: start)
      after(rows, columns)
    }
  }

  /// One product on the calling thread.
  @inline(__always)
  func productByRow(
    _ transposition: Transposition, m: Int, n: Int, k: Int, alpha: Float, _ a: UnsafePointer<Float>,
    _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int, beta: Float, _ c: UnsafeMutablePointer<Float>,
    _ ldc: Int
  ) {
    let adds: Int32 = beta == 0 ? 0 : 1
    if transposition == .second {
      swiftdp_dots(a, lda, m, b, nil, ldb, n, k, alpha, adds, c, ldc)
    } else {
      precondition(transposition == .none && alpha == 1, "rows are summed over rows, or scaled")
      swiftdp_chains(a, lda, m, b, ldb, n, k, adds, c, ldc, nil)
    }
  }

  /// Activations in fp32, and whether they were rounded to bfloat16.
  private func widened(_ a: Operand) -> (matrix: ConstMatrix, isRounded: Bool) {
    switch a {
    case .float32(let a): return (a, false)
    case .bfloat16(let a):
      wideRows.reserve(a.rows * a.columns)
      let wide = wideRows.room(0)
      pool.run((a.rows + 15) / 16) { tile, _ in
        for row in tile * 16..<min((tile + 1) * 16, a.rows) {
          BFloat16.widen(a.base + row * a.stride, count: a.columns, into: wide + row * a.columns)
        }
      }
      return (ConstMatrix(wide, rows: a.rows, columns: a.columns), true)
    case .frozen: preconditionFailure("activations are not frozen")
    }
  }

  /// What a code of int8 is a multiple of, beside the largest magnitude of its row.
  private static var int8Unit: Float { 1 / 127 }

  /// x times the factors of the rows of W that its columns meet.
  private func scaled(_ x: ConstMatrix, by largest: UnsafePointer<Float>) -> ConstMatrix {
    wideRows.reserve(x.rows * x.columns)
    let (y, unit) = (wideRows.room(0), Self.int8Unit)
    pool.run((x.rows + 15) / 16) { tile, _ in
      for row in tile * 16..<min((tile + 1) * 16, x.rows) {
        let (from, to) = (x.base + row * x.stride, y + row * x.columns)
        forEachVector(x.columns) { $0.store($0.load(from) * ($0.load(largest) * unit), to) }
      }
    }
    return ConstMatrix(y, rows: x.rows, columns: x.columns)
  }

  private func dots(
    _ x: ConstMatrix, _ w: RowWeight, _ outputs: Range<Int>, adding: Bool, into c: MutableMatrix,
    room: UnsafeMutablePointer<Float>
  ) {
    let largest = w.largest.map { $0 + outputs.lowerBound }
    let factor = largest == nil ? 1 : Self.int8Unit
    if let narrow = w.narrow(rows: x.rows) {
      return swiftdp_narrow_dots(
        narrow.kind, x.base, narrow.place(outputs.lowerBound * narrow.stride), largest, narrow.stride,
        outputs.count, x.columns, factor, adding ? 1 : 0, c.base)
    }
    var (base, stride) = (UnsafePointer(room), w.columns)
    if let direct = w.direct {
      (base, stride) = (direct.base + outputs.lowerBound * direct.stride, direct.stride)
    } else {
      for (place, row) in outputs.enumerated() {
        w.widen(row: row, columns: 0..<w.columns, into: room + place * w.columns)
      }
    }
    swiftdp_dots(
      x.base, x.stride, x.rows, base, largest, stride, outputs.count, x.columns, factor, adding ? 1 : 0,
      c.base, c.stride)
  }

  private func chains(
    _ x: ConstMatrix, _ w: RowWeight, _ columns: Range<Int>, adding: Bool, into c: MutableMatrix,
    room: UnsafeMutablePointer<Float>
  ) {
    if let narrow = w.narrow(rows: x.rows) {
      return swiftdp_narrow_chains(
        narrow.kind, x.base, narrow.place(columns.lowerBound), narrow.stride, columns.count, x.columns,
        adding ? 1 : 0, c.base)
    }
    // What lies in fp32 is read where it is; anything else is widened, and then lies as narrow as the tile.
    let depth = w.direct == nil ? RowTiles.panel / columns.count : RowTiles.depth
    for start in stride(from: 0, to: x.columns, by: depth) {
      let count = min(depth, x.columns - start)
      let goesOn: Int32 = adding || start > 0 ? 1 : 0
      if let direct = w.direct {
        swiftdp_chains(
          x.base + start, x.stride, x.rows, direct.base + start * direct.stride + columns.lowerBound,
          direct.stride, columns.count, count, goesOn, c.base, c.stride, room)
      } else {
        for place in 0..<count {
          w.fetch(row: start + place + 8, columns: columns)
          w.widen(row: start + place, columns: columns, into: room + place * columns.count)
        }
        swiftdp_chains(
          x.base + start, x.stride, x.rows, room, columns.count, columns.count, count, goesOn, c.base,
          c.stride, nil)
      }
    }
  }
}

/// A weight in any storage.
private struct RowWeight {
  let rows: Int
  let columns: Int
  /// Where it lies in fp32, if it does.
  let direct: ConstMatrix?
  /// The largest magnitude of each row in int8, if only its codes are multiplied: numbers are codes · largest / 127.
  let largest: UnsafePointer<Float>?
  private let operand: Operand
  /// How it lies where registers can widen it.
  private let inFewBits: NarrowWeight?
  /// Whether its numbers are rounded to bfloat16.
  private let rounds: Bool

  init(_ operand: Operand, rounds: Bool) {
    self.operand = operand
    switch operand {
    case .float32(let w): (rows, columns, direct, self.rounds) = (w.rows, w.columns, w, false)
    case .bfloat16(let w): (rows, columns, direct, self.rounds) = (w.rows, w.columns, nil, false)
    case .frozen(let w): (rows, columns, direct, self.rounds) = (w.rows, w.columns, nil, rounds)
    }
    if case .frozen(let w) = operand, w.storage == .int8, !rounds {
      largest = UnsafePointer(w.scales.assumingMemoryBound(to: Float.self))
    } else {
      largest = nil
    }
    inFewBits = NarrowWeight(operand, rounds: rounds)
  }

  /// How it lies where each number is multiplied once; nil elsewhere.
  @inline(__always)
  func narrow(rows: Int) -> NarrowWeight? { rows == 1 ? inFewBits : nil }

  /// Asks for a part of a row, whose place the processor does not foresee.
  @inline(__always)
  func fetch(row: Int, columns: Range<Int>) {
    switch operand {
    case .float32: break
    case .bfloat16(let w):
      if row < w.rows { swiftdp_fetch(w.base + row * w.stride + columns.lowerBound, 2 * columns.count) }
    case .frozen(let w): w.fetch(row: row, columns: columns)
    }
  }

  func widen(row: Int, columns: Range<Int>, into y: UnsafeMutablePointer<Float>) {
    switch operand {
    case .float32: preconditionFailure("it is wide")
    case .bfloat16(let w):
      BFloat16.widen(w.base + row * w.stride + columns.lowerBound, count: columns.count, into: y)
    case .frozen(let w) where largest != nil: w.widenCodes(row: row, columns: columns, into: y)
    case .frozen(let w):
      w.widen(row: row, columns: columns, into: y)
      if rounds { BFloat16.round(y, count: columns.count) }
    }
  }
}

/// A weight of 16 or 8 bits.
private struct NarrowWeight {
  let kind: Int32
  let stride: Int
  private let numbers: UnsafeRawPointer
  private let bytes: Int

  /// - Parameter rounds: whether numbers are rounded once they are widened, which is not done in registers.
  init?(_ operand: Operand, rounds: Bool) {
    let halves: HalfMatrix
    switch operand {
    case .float32: return nil
    case .bfloat16(let w): halves = w
    case .frozen(let w) where w.storage == .int8 && !rounds:
      kind = Int32(SWIFTDP_INT8)
      (stride, numbers, bytes) = (w.columns, UnsafeRawPointer(w.codes), 1)
      return
    case .frozen(let w):
      guard let w = w.halves else { return nil }
      halves = w
    }
    kind = Int32(SWIFTDP_BFLOAT16)
    (stride, numbers, bytes) = (halves.stride, UnsafeRawPointer(halves.base), 2)
  }

  func place(_ number: Int) -> UnsafeRawPointer { numbers + number * bytes }
}

/// How C is cut.
private struct RowTiles {
  /// Numbers of the inner dimension whose part of a panel the second-level cache holds.
  static let depth = 256
  /// Floats of such a part.
  static let panel = depth * swiftdp_chain_columns
  /// Columns of a widened panel: whole blocks of quantised storage, and whole panels.
  private static let wideColumns = 192
  /// Floats of a widened tile of Wᵀ, at most.
  private static let wide = 1 << 16
  private static let mostRows = 256
  /// The fewest columns that a thread reads of each row of W for one row of C.
  private static let sweptColumns = 384
  /// The fewest rows of W that a thread reads side by side for one row of C, some of them at once.
  private static let dottedRows = 4 * swiftdp_dot_streams

  let width: Int
  private let rows: Int
  private let columns: Int
  private let across: Int
  private let down: Int

  init(rows: Int, columns: Int, inner: Int, transposed: Bool, widens: Bool, threads: Int) {
    self.rows = rows
    self.columns = columns
    let unit =
      transposed
      ? swiftdp_dot_outputs : rows <= 2 ? 128 : widens ? Self.wideColumns : swiftdp_chain_columns
    if rows == 1, !widens {
      // Two tiles a thread, of rows long enough that memory foresees them, or of many that lie far apart.
      let part = columns / (threads * 2)
      width =
        transposed
        ? max(part / swiftdp_dot_streams * swiftdp_dot_streams, Self.dottedRows)
        : max((part + 31) / 32 * 32, Self.sweptColumns)
    } else {
      // Four tiles a thread, if there is so much to do, and at most about a hundred columns of each.
      let most = transposed ? max(min(16, Self.wide / (max(inner, 1) * unit)), 1) : 4
      width = unit * min(max(columns / (unit * threads * 4), 1), most)
    }
    across = (columns + width - 1) / width
    down = (rows + Self.mostRows - 1) / Self.mostRows
  }

  var count: Int { across * down }

  subscript(tile: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (row, column) = (tile / across * Self.mostRows, tile % across * width)
    return (row..<min(row + Self.mostRows, rows), column..<min(column + width, columns))
  }
}

/// The product of two rows on the calling thread, with the bits that `Engine.byRow` gives it.
package func rowProduct(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float {
  var sum: Float = 0
  swiftdp_dots(x, count, 1, y, nil, count, 1, count, 1, 1, &sum, 1)
  return sum
}

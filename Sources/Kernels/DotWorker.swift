// Products of bfloat16 matrices by the dot products of AVX512-BF16 (`half_product.h`), which take packed operands.
//
// Blocks of B are packed, of as many columns as stay in the cache, and rows of A pass them. Each element of C is one chain
// of sums over 2,048 numbers of the inner dimension at a time: its bits follow from the shapes, whatever tiles C is cut
// into.
import CProcessor
import Tensors

/// What one thread packs into, and multiplies.
final class DotWorker: HalfWorker {
  private var room = FlatMemory(count: 0, label: "packed")

  /// The most numbers of the inner dimension at once, and rows of A.
  private static let depth = 2048
  private static let rows = 256
  /// Words of B that are packed at once: 4 MB.
  private static let words = 1 << 20
  /// Rows of a tile; A is read in such steps.
  private static let tile = 8

  private static func pairs(_ k: Int) -> Int { (min(k, depth) + 1) / 2 }

  /// Columns of B that are packed at once: whole panels.
  private static func columns(n: Int, k: Int) -> Int {
    let panel = HalfPanels.columns
    return min(HalfPanels.count(columns: n), max(words / pairs(k) / panel, 1)) * panel
  }

  func reserve(m: Int, n: Int, k: Int) {
    let rows = (min(m, Self.rows) + HalfPanels.columns - 1) / HalfPanels.columns * HalfPanels.columns
    let count = (Self.columns(n: n, k: k) + rows) * Self.pairs(k)
    if room.count < count { room = FlatMemory(count: count, label: "packed") }
  }

  func product(
    _ shape: HalfProductShape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    reserve(m: s.m, n: s.n, k: s.k)
    let width = Self.columns(n: s.n, k: s.k)
    for column in stride(from: 0, to: s.n, by: width) {
      let columns = min(width, s.n - column)
      for start in stride(from: 0, to: s.k, by: Self.depth) {
        let count = min(Self.depth, s.k - start)
        let block = Block(
          shape: s, columns: columns, start: start, count: count,
          b: HalfPanels(base: room.base.pairs, pairs: (count + 1) / 2),
          a: (room.base + width * Self.pairs(s.k)).pairs)
        block.pack(b + (s.transposition == .second ? column * s.ldb : column))
        for row in stride(from: 0, to: s.m, by: Self.rows) {
          block.multiply(a, row..<min(row + Self.rows, s.m), c + row * s.ldc + column)
        }
      }
    }
  }

  /// Some columns of C, and a range of the inner dimension.
  private struct Block {
    let shape: HalfProductShape
    let columns: Int
    let start, count: Int
    let b: HalfPanels
    /// Room for rows of A.
    let a: UnsafeMutablePointer<HalfPair>

    private var pairs: Int { b.pairs }
    /// Whether the pairs of a row of A lie where they can be read.
    private var readsRows: Bool { count % 2 == 0 && shape.lda % 2 == 0 }

    /// - Parameter x: the first of these columns.
    func pack(_ x: UnsafePointer<BFloat16>) {
      #if arch(x86_64)
        if shape.transposition == .second {
          swiftdp_half_turn((x + start).bits, shape.ldb, columns, count, b.base, pairs)
        } else {
          swiftdp_half_pack((x + start * shape.ldb).bits, shape.ldb, count, columns, b.base, pairs)
        }
      #endif
    }

    /// - Parameters:
    ///   - x: the whole A.
    ///   - c: the first of these rows and columns.
    func multiply(_ x: UnsafePointer<BFloat16>, _ rows: Range<Int>, _ c: UnsafeMutablePointer<Float>) {
      guard shape.transposition != .first else { return multiplyTurned(x, rows, c) }
      let first = x + rows.lowerBound * shape.lda + start
      let address = UInt(bitPattern: first) % UInt(MemoryLayout<HalfPair>.alignment)
      let direct = readsRows && address == 0 ? rows.count / DotWorker.tile * DotWorker.tile : 0
      if direct > 0 {
        let pairsOfRows = UnsafeRawPointer(first).assumingMemoryBound(to: HalfPair.self)
        run(direct, pairsOfRows, row: shape.lda / 2, pair: 1, c)
      }
      guard direct < rows.count else { return }
      // What fills no tile, or lies elsewhere, in whole pairs.
      let rest = rows.count - direct
      let whole = (rest + DotWorker.tile - 1) / DotWorker.tile * DotWorker.tile
      UnsafeMutableRawPointer(a).initializeMemory(as: HalfPair.self, repeating: 0, count: whole * pairs)
      for row in 0..<rest {
        UnsafeMutableRawPointer(a + row * pairs).copyMemory(
          from: first + (direct + row) * shape.lda, byteCount: 2 * count)
      }
      run(rest, UnsafePointer(a), row: pairs, pair: 1, c + direct * shape.ldc)
    }

    /// A lies with its rows along the inner dimension.
    private func multiplyTurned(
      _ x: UnsafePointer<BFloat16>, _ rows: Range<Int>, _ c: UnsafeMutablePointer<Float>
    ) {
      let panels = HalfPanels(base: a, pairs: pairs)
      let panel = HalfPanels.columns
      #if arch(x86_64)
        swiftdp_half_pack(
          (x + start * shape.lda + rows.lowerBound).bits, shape.lda, count, rows.count, a, pairs)
      #endif
      for column in stride(from: 0, to: columns, by: panel) {
        for row in stride(from: 0, to: rows.count, by: panel) {
          run(
            min(panel, rows.count - row), panels.from(column: row), row: 1, pair: panel,
            c + row * shape.ldc + column, columns: column..<min(column + panel, columns))
        }
      }
    }

    private func run(
      _ m: Int, _ x: UnsafePointer<HalfPair>, row: Int, pair: Int, _ c: UnsafeMutablePointer<Float>,
      columns range: Range<Int>? = nil
    ) {
      let range = range ?? 0..<columns
      #if arch(x86_64)
        swiftdp_half_product(
          m, range.count, pairs, x, row, pair, b.from(column: range.lowerBound), pairs * HalfPanels.columns,
          1,
          nil, shape.adding || start > 0 ? 1 : 0, c, shape.ldc)
      #endif
    }
  }
}

extension UnsafePointer<BFloat16> {
  /// As C sees them.
  fileprivate var bits: UnsafePointer<UInt16> {
    UnsafeRawPointer(self).assumingMemoryBound(to: UInt16.self)
  }
}

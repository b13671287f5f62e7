// Matrices that are rounded to bfloat16 and packed for the dot products of AVX512-BF16 (`half_product.h`).
import Base
import CProcessor

/// Two neighbours of bfloat16 along an inner dimension.
typealias HalfPair = UInt32

/// Panels of 32 columns of a matrix whose inner dimension lies in pairs: [panel][pair][32].
struct HalfPanels {
  let base: UnsafeMutablePointer<HalfPair>
  /// Pairs of the inner dimension.
  let pairs: Int

  static let columns = 32
  static func count(columns: Int) -> Int { (columns + Self.columns - 1) / Self.columns }

  /// Words that the panels of a matrix take.
  static func words(columns: Int, pairs: Int) -> Int { count(columns: columns) * Self.columns * pairs }

  /// The panels from a column on, a multiple of 32, and from a pair on.
  func from(column: Int, pair: Int = 0) -> UnsafePointer<HalfPair> {
    UnsafePointer(base + column * pairs + pair * Self.columns)
  }
}

extension Engine {
  /// Whether this engine multiplies bfloat16 by the dot products of this processor.
  static func hasHalfDots(_ blas: BLAS) -> Bool {
    #if arch(x86_64)
      return !blas.isPortable && InstructionSets.offered.hasAVX512BF16
    #else
      return false
    #endif
  }

  /// C = factor · A B, or C += factor · A B, on the calling thread.
  /// - Parameters:
  ///   - m: rows of C; A is read up to the next multiple of 8.
  ///   - a: pairs of A, `aRow` apart from row to row and `aPair` from pair to pair.
  ///   - panels: of B, and `panelPairs` their pairs.
  ///   - factors: one for each row in the place of `factor`.
  @inline(__always)
  func halfProduct(
    m: Int, n: Int, pairs: Int, _ a: UnsafePointer<HalfPair>, aRow: Int, aPair: Int,
    _ panels: UnsafePointer<HalfPair>, panelPairs: Int, factor: Float = 1,
    factors: UnsafePointer<Float>? = nil, adding: Bool = false, _ c: UnsafeMutablePointer<Float>,
    _ cStride: Int
  ) {
    #if arch(x86_64)
      let start = profile == nil ? 0 : monotonicNanoseconds()
      swiftdp_half_product(
        m, n, pairs, a, aRow, aPair, panels, panelPairs * HalfPanels.columns, factor, factors, adding ? 1 : 0,
        c, cStride)
      profile?.countProduct(m: m, n: n, k: 2 * pairs, since: start)
    #else
      preconditionFailure("this processor has no such dot products")
    #endif
  }
}

/// Rounds rows of x, and fills what is beyond them with zeros: y [paddedRows, pairs].
func roundRows(
  _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, into y: UnsafeMutablePointer<HalfPair>,
  pairs: Int, paddedRows: Int
) {
  #if arch(x86_64)
    swiftdp_half_rows(x, stride, rows, columns, UnsafeMutableRawPointer(y).halves, 2 * pairs, paddedRows)
  #endif
}

extension HalfPanels {
  /// Rounds x [rows, columns], whose rows are the inner dimension.
  func pack(_ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int) {
    #if arch(x86_64)
      swiftdp_half_panels(x, stride, rows, columns, base, pairs)
    #endif
  }

  /// Rounds xᵀ, with x [rows, columns], whose columns are the inner dimension.
  func packTurned(_ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int) {
    #if arch(x86_64)
      swiftdp_half_turned_panels(x, stride, rows, columns, base, pairs)
    #endif
  }
}

extension UnsafeMutableRawPointer {
  /// The numbers of bfloat16 here, as C sees them.
  var halves: UnsafeMutablePointer<UInt16> { assumingMemoryBound(to: UInt16.self) }
}

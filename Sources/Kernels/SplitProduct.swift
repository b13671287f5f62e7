// fp32 products by three of bfloat16 (Henry, Tang and Heinecke 2019, "Leveraging the bfloat16 artificial intelligence
// datatype for higher-precision computations"): a = a1 + a2 and b = b1 + b2, so that ab is a1b1 + a1b2 + a2b1 and a2b2,
// which is left out.
//
// |C − AB| ≤ (3 · 2^-18 + 3 (k + 2) · 2^-24) · |A||B|, to first order: the first term is what is left out and what two
// numbers of bfloat16 miss of one, the second one what sums round. fp32 products have k · 2^-24. What is not finite makes NaN.
import Base
import CProcessor
import Tensors

extension BLAS {
  /// What `kernel` and `kernelName` call these products.
  package static let splitName = "bf16x3"
  /// Changes with the order of sums, and so with the bits.
  private static let splitVersion = "1"

  /// Names of products of our own, which recipes choose by `parallel.arithmetic`.
  package static let ownNames = [portableName, splitName]

  package var isSplit: Bool { kernelName == Self.splitName }

  /// - Parameter blas: the library for everything but products.
  /// - Throws: `UserError` where nothing multiplies bfloat16 faster than fp32.
  static func split(over blas: BLAS) throws -> BLAS {
    guard let kernels = SplitWorker.kernels else {
      throw UserError(
        .usage, "is bf16x3, but \(HalfKernels.reasonWhySlow)", at: "parallel.arithmetic",
        hint: "native runs everywhere")
    }
    return blas.with(
      { _, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
        let transposed: Int32 = 112
        SplitWorker.workers.ofThread.product(
          HalfProductShape(
            transposition: transposeA == transposed ? .first : transposeB == transposed ? .second : .none,
            m: Int(m), n: Int(n), k: Int(k), lda: Int(lda), ldb: Int(ldb), ldc: Int(ldc), adding: beta != 0),
          factor: alpha, a, b, c)
      }, of: splitName, version: "\(splitVersion) by \(kernels.name)")
  }

  /// Makes what the calling thread splits into, where `isSplit`.
  func makeSplitRoomOfThread() { _ = SplitWorker.workers.ofThread }
}

/// What one thread splits into, and multiplies with.
private final class SplitWorker {
  static let kernels = HalfKernels.best.open()
  /// Used where there are kernels only.
  static let workers = ThreadOwned { SplitWorker(kernels!.makeWorker()) }

  /// The most rows of A, columns of B and numbers of the inner dimension at once.
  private static let (side, depth) = (1024, 2048)

  private let worker: any HalfWorker
  /// Two numbers of bfloat16 take the place of one of fp32. Smaller products touch the beginning alone.
  private let room = FlatMemory(count: 2 * side * depth, label: "split")

  init(_ worker: any HalfWorker) {
    self.worker = worker
    worker.reserve(m: Self.side, n: Self.side, k: Self.depth)
  }

  /// C = factor · op(A) op(B), or C += factor · op(A) op(B).
  func product(
    _ shape: HalfProductShape, factor: Float, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    if s.k == 0, !s.adding {
      for row in 0..<s.m { (c + row * s.ldc).update(repeating: 0, count: s.n) }
    }
    let depth = min(Self.depth, s.k)
    let roomOfA = min(Self.side, s.m) * depth
    for column in stride(from: 0, to: s.n, by: Self.side) {
      let columns = column..<min(column + Self.side, s.n)
      for start in stride(from: 0, to: s.k, by: Self.depth) {
        let inner = start..<min(start + Self.depth, s.k)
        let splitB = SplitMatrix(
          b, stride: s.ldb, sides: columns, inner: inner, isAcross: s.transposition != .second,
          into: room.base + roomOfA)
        for row in stride(from: 0, to: s.m, by: Self.side) {
          let rows = row..<min(row + Self.side, s.m)
          let splitA = SplitMatrix(
            a, stride: s.lda, sides: rows, inner: inner, isAcross: s.transposition == .first, factor: factor,
            into: room.base)
          for (index, pair) in [
            (splitA.low, splitB.high), (splitA.high, splitB.low), (splitA.high, splitB.high),
          ].enumerated() {
            worker.product(
              HalfProductShape(
                transposition: s.transposition, m: rows.count, n: columns.count, k: inner.count,
                lda: splitA.stride, ldb: splitB.stride, ldc: s.ldc,
                adding: s.adding || start > 0 || index > 0), pair.0, pair.1, c + row * s.ldc + column)
          }
        }
      }
    }
  }
}

/// A part of an operand as the sum of two of bfloat16.
private struct SplitMatrix {
  let high, low: UnsafePointer<BFloat16>
  let stride: Int

  /// - Parameters:
  ///   - sides: its rows or columns of C.
  ///   - isAcross: whether a row in memory runs along these, and not along the inner dimension.
  ///   - room: as many floats as the part has numbers.
  init(
    _ x: UnsafePointer<Float>, stride: Int, sides: Range<Int>, inner: Range<Int>, isAcross: Bool,
    factor: Float = 1, into room: UnsafeMutablePointer<Float>
  ) {
    let (rows, columns) = isAcross ? (inner, sides) : (sides, inner)
    let target = UnsafeMutableRawPointer(room).assumingMemoryBound(to: BFloat16.self)
    let rest = target + rows.count * columns.count
    for (place, row) in rows.enumerated() {
      BFloat16.split(
        x + row * stride + columns.lowerBound, count: columns.count, factor: factor,
        into: target + place * columns.count, rest: rest + place * columns.count)
    }
    (high, low) = (UnsafePointer(target), UnsafePointer(rest))
    self.stride = columns.count
  }
}

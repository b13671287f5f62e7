// Products of bfloat16 matrices with fp32 sums, on the calling thread.
import Base
import Foundation
import Tensors

/// A product C = op(A) op(B), or C += op(A) op(B).
struct HalfProductShape: Hashable {
  let transposition: Transposition
  let m, n, k, lda, ldb, ldc: Int
  let adding: Bool
}

/// What multiplies matrices of bfloat16.
package enum HalfKernels: Sendable, CaseIterable {
  /// Dot products of AVX512-BF16 (HalfDots.swift).
  case dots
  /// On AMX; on AVX512-BF16 it is slower than `dots`.
  case oneDNN
  /// fp32 products of widened operands.
  case widened

  /// The fastest of this processor that is installed.
  package static var best: HalfKernels {
    if OneDNN.isFaster, OneDNN() != nil { return .oneDNN }
    #if arch(x86_64)
      if InstructionSets.offered.hasAVX512BF16 { return .dots }
    #endif
    return .widened
  }

  /// Why bfloat16 is widened.
  static let reasonWhySlow = "this processor has neither avx512_bf16 nor AMX"

  /// Kernels for bfloat16 itself.
  struct Opened: Sendable {
    /// In words.
    let name: String
    /// Whether a product has the same bits if it is computed by tiles.
    let joinsTiles: Bool
    /// What one thread multiplies with.
    let makeWorker: @Sendable () -> any HalfWorker
  }

  /// Nil where there are none.
  func open() -> Opened? {
    switch self {
    case .dots: return Opened(name: "dot products of avx512_bf16", joinsTiles: true) { DotWorker() }
    case .oneDNN:
      guard let library = OneDNN() else { preconditionFailure("oneDNN is not installed") }
      return Opened(name: "oneDNN \(library.version)", joinsTiles: false) { LibraryWorker(library) }
    case .widened: return nil
    }
  }
}

/// How this process multiplies bfloat16.
package final class HalfProducts: @unchecked Sendable {
  /// What multiplies, in words.
  package let name: String
  /// Why this is slower than fp32; nil if it is not.
  package let reasonWhySlow: String?
  /// Whether a product has the same bits if it is computed by tiles.
  let joinsTiles: Bool
  private var workers: [any HalfWorker]

  /// - Parameter kernels: nil for the best.
  init(blas: BLAS, threads: Int, kernels: HalfKernels? = nil) {
    let opened = (kernels ?? .best).open()
    name = opened?.name ?? "\(blas.name), widened"
    reasonWhySlow =
      opened != nil
      ? nil
      : blas.isPortable
        ? "portable products have no kernels of their own for bfloat16" : HalfKernels.reasonWhySlow
    joinsTiles = opened?.joinsTiles ?? false
    workers = (0..<threads).map { _ in opened?.makeWorker() ?? WidenedWorker(blas) }
  }

  /// Makes room for products of such sizes with every worker, before any starts: which of them sees the largest tile
  /// of a product is left to chance.
  func reserve(m: Int, n: Int, k: Int) {
    for worker in workers { worker.reserve(m: m, n: n, k: k) }
  }

  @inline(__always)
  func product(
    _ shape: HalfProductShape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
    _ c: UnsafeMutablePointer<Float>, worker: Int
  ) {
    workers[worker].product(shape, a, b, c)
  }
}

/// What one thread multiplies with.
protocol HalfWorker {
  func reserve(m: Int, n: Int, k: Int)
  func product(
    _ shape: HalfProductShape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
    _ c: UnsafeMutablePointer<Float>)
}

private struct LibraryWorker: HalfWorker {
  private let worker: OneDNN.Worker

  init(_ library: OneDNN) { worker = OneDNN.Worker(library) }

  func reserve(m: Int, n: Int, k: Int) {}

  func product(
    _ shape: HalfProductShape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    worker.product(shape, a, b, c)
  }
}

/// Widens one range of the inner dimension at a time and multiplies in fp32.
private final class WidenedWorker: HalfWorker {
  private static let depth = 1024
  private let blas: BLAS
  private var room = FlatMemory(count: 0, label: "widened")

  init(_ blas: BLAS) { self.blas = blas }

  func reserve(m: Int, n: Int, k: Int) {
    let count = (m + n) * min(Self.depth, k)
    if room.count < count { room = FlatMemory(count: count, label: "widened") }
  }

  func product(
    _ shape: HalfProductShape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    let depth = min(Self.depth, s.k)
    reserve(m: s.m, n: s.n, k: s.k)
    let (wideA, wideB) = (room.base, room.base + s.m * depth)
    for start in stride(from: 0, to: s.k, by: depth) {
      let count = min(depth, s.k - start)
      // The rows of an operand run along the inner dimension, or across it.
      func widen(
        _ x: UnsafePointer<BFloat16>, _ stride: Int, width: Int, across: Bool,
        into y: UnsafeMutablePointer<Float>
      ) -> Int {
        let rows = across ? count : width
        let columns = across ? width : count
        let from = x + (across ? start * stride : start)
        for row in 0..<rows { BFloat16.widen(from + row * stride, count: columns, into: y + row * columns) }
        return columns
      }
      let lda = widen(a, s.lda, width: s.m, across: s.transposition == .first, into: wideA)
      let ldb = widen(b, s.ldb, width: s.n, across: s.transposition != .second, into: wideB)
      blas.product(
        s.transposition, m: s.m, n: s.n, k: count, wideA, lda, wideB, ldb,
        beta: start > 0 || s.adding ? 1 : 0, c, s.ldc)
    }
  }
}

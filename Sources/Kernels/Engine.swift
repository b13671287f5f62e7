// The threads and the matrix libraries of a rank, which every kernel runs on.
import Tensors

package struct Engine: Sendable {
  package let pool: WorkerPool
  package let blas: BLAS
  /// How bfloat16 is multiplied; opened at its first use.
  package var halves: HalfProducts { lazyHalves.value }
  /// Collects times if given.
  package let profile: Profile?
  private let lazyHalves: LazyHalves
  let frozenRooms: FrozenRooms
  /// Activations that were rounded to bfloat16, widened.
  let wideRows: FrozenRooms
  /// Whether attention multiplies bfloat16, by dot products of this processor.
  package let hasHalfDots: Bool
  /// Whether a product has the same bits if it is computed by tiles.
  let joinsTiles: Bool
  /// See `byRow`.
  var multipliesByRow = false

  /// - Parameters:
  ///   - kernel: see `BLAS.open`.
  ///   - halfKernels: what multiplies bfloat16; nil for the fastest.
  package init(
    threads: Int, kernel: String? = nil, profile: Profile? = nil, halfKernels: HalfKernels? = nil
  ) throws {
    self.profile = profile
    let blas = try BLAS.open(kernel: kernel)
    self.blas = blas
    pool = try WorkerPool(threads: threads) { blas.makeRoomsOfThread() }
    try blas.takeBuffers(threads: threads)
    // A product, so it comes after OpenBLAS has its memory.
    joinsTiles = TileJoin.isExact(blas.sgemm)
    frozenRooms = FrozenRooms(threads: threads)
    wideRows = FrozenRooms(threads: 1)
    let halfKernels = blas.isPortable ? .widened : halfKernels
    hasHalfDots = halfKernels != .widened && Self.hasHalfDots(blas)
    lazyHalves = LazyHalves { HalfProducts(blas: blas, threads: threads, kernels: halfKernels) }
  }
}

/// Made at its first use, so that a run in fp32 loads no second library.
private final class LazyHalves: @unchecked Sendable {
  private let make: () -> HalfProducts
  private(set) lazy var value = make()

  init(_ make: @escaping () -> HalfProducts) { self.make = make }
}

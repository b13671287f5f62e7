// fp32 products with a side of at most 32 numbers, as those of low-rank adapters (`thin_product.h`). They take half of a
// library's time, and have the bits of portable products.
import Base
import CProcessor
import Tensors

extension Engine {
  /// Whether such a product is one of them.
  func isThin(_ transposition: Transposition, m: Int, n: Int, k: Int) -> Bool {
    swiftdp_is_thin(transposition == .first ? 1 : 0, transposition == .second ? 1 : 0, m, n, k) != 0
  }

  /// C = op(A) op(B), or C += op(A) op(B), on the calling thread, where `isThin`.
  @inline(__always)
  func thinProduct(
    _ transposition: Transposition, m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, _ lda: Int,
    _ b: UnsafePointer<Float>, _ ldb: Int, adding: Bool, _ c: UnsafeMutablePointer<Float>, _ ldc: Int
  ) {
    let start = profile == nil ? 0 : monotonicNanoseconds()
    swiftdp_thin_product(
      transposition == .first ? 1 : 0, transposition == .second ? 1 : 0, m, n, k, a, lda, b, ldb,
      adding ? 1 : 0, c, ldc, PackingRoom.ofThread)
    profile?.countProduct(m: m, n: n, k: k, since: start)
  }
}

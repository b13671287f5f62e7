// Matrix products of our own, which give the same bits on every processor (`portable_product.h`).
import Base
import CProcessor
import Foundation

extension BLAS {
  /// What `kernel` and `kernelName` call these products.
  package static let portableName = "portable"
  /// Changes with the order of sums, and so with the bits.
  private static let portableVersion = "1"

  package var isPortable: Bool { kernelName == Self.portableName }

  /// - Throws: `UserError` where the processor has no fused multiply-add, without which it would take hundreds of times
  ///   as long.
  static func portable() throws -> BLAS {
    #if arch(x86_64)
      guard InstructionSets.offered.hasAVX2 else {
        throw UserError(
          .usage, "is portable, which needs a processor with AVX2 and FMA", at: "parallel.arithmetic",
          hint: "native runs everywhere")
      }
    #endif
    return BLAS(
      kernelName: portableName, version: "swiftdp \(portableVersion)",
      sgemm: { _, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
        let transposed: Int32 = 112
        swiftdp_portable_product(
          transposeA == transposed ? 1 : 0, transposeB == transposed ? 1 : 0, Int(m), Int(n), Int(k), alpha,
          a,
          Int(lda), b, Int(ldb), beta == 0 ? 0 : 1, c, Int(ldc), PackingRoom.ofThread)
      }, sgesdd: nil)
  }
}

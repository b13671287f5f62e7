// OpenBLAS, opened at run time: its kernels are chosen while it loads, so what it is to choose must be
// in the environment before, and its own threads must stay away (see WorkerPool).
import Base
import CProcessor
import Foundation

/// The matrix library of this process.
package struct BLAS: Sendable {
  /// Which kernels the library picked, such as `SkylakeX`.
  package let kernelName: String
  package let version: String
  let sgemm: SGEMM

  typealias SGEMM =
    @convention(c) (
      _ order: Int32, _ transposeA: Int32, _ transposeB: Int32, _ m: Int32, _ n: Int32, _ k: Int32,
      _ alpha: Float, _ a: UnsafePointer<Float>, _ lda: Int32, _ b: UnsafePointer<Float>, _ ldb: Int32,
      _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
    ) -> Void

  /// Opens the library, which picks its kernels at the first call in a process.
  ///
  /// OpenBLAS 0.3.21 knows no processor newer than itself and falls back to AVX2 kernels on those, at half
  /// the speed; where the processor has AVX-512 it is told so. Bits depend on the kernels and their block
  /// sizes, so that neither may come from variables that happen to be set.
  /// - Parameter kernel: a name OpenBLAS knows (`SkylakeX`, `Haswell`, …), or nil for the best known one.
  /// - Throws: `UserError` where the library or the kernel is missing.
  package static func open(kernel: String? = nil) throws -> BLAS {
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    unsetenv("OPENBLAS_L2_SIZE")
    unsetenv("OPENBLAS_BLOCK_FACTOR")
    if let kernel = kernel ?? (swiftdp_has_avx512() != 0 ? "SkylakeX" : nil) {
      setenv("OPENBLAS_CORETYPE", kernel, 1)
    } else {
      unsetenv("OPENBLAS_CORETYPE")
    }
    guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) else {
      throw UserError(
        .usage, "OpenBLAS is missing: \(String(cString: dlerror()))",
        hint: "apt-get install libopenblas-dev, or set LD_LIBRARY_PATH to where libopenblas.so.0 is")
    }
    func symbol<T>(_ name: String, as type: T.Type) throws -> T {
      guard let address = dlsym(library, name) else {
        throw UserError(.usage, "libopenblas.so.0 has no \(name)", hint: "install OpenBLAS 0.3 or newer")
      }
      return unsafeBitCast(address, to: type)
    }
    typealias Text = @convention(c) () -> UnsafePointer<CChar>?
    func text(_ name: String) throws -> String {
      try symbol(name, as: Text.self)().map { String(cString: $0) } ?? "unknown"
    }
    let config = try text("openblas_get_config").split(separator: " ")
    let name = try text("openblas_get_corename")
    if let kernel, name.lowercased() != kernel.lowercased() {
      throw UserError(
        .usage, "OpenBLAS has no kernel \(kernel) for this processor and took \(name)",
        at: "parallel.blas_kernel", hint: "auto takes the best one")
    }
    return BLAS(
      kernelName: name,
      version: config.prefix(2).joined(separator: " "),
      sgemm: try symbol("cblas_sgemm", as: SGEMM.self))
  }
}

extension BLAS {
  /// C = alpha · op(A) op(B) + beta · C, row-major, on the calling thread.
  @inline(__always)
  func product(
    _ transposition: Transposition, m: Int, n: Int, k: Int, alpha: Float = 1,
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, _ ldc: Int
  ) {
    let rowMajor: Int32 = 101
    let plain: Int32 = 111
    let transposed: Int32 = 112
    sgemm(
      rowMajor, transposition == .first ? transposed : plain, transposition == .second ? transposed : plain,
      Int32(m), Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }
}

/// Whether this binary's own instructions exist on this processor.
/// - Throws: one line to read instead of a SIGILL.
package func checkProcessor() throws {
  func missing(_ what: String) -> UserError {
    UserError(
      .usage, "this swiftdp was built for processors with \(what), which this one lacks",
      hint: "build here, or with SWIFTDP_MARCH=x86-64-v3 (or v2) for a mixed cluster")
  }
  if swiftdp_built_for_avx512() != 0, swiftdp_has_avx512() == 0 { throw missing("AVX-512") }
  if swiftdp_built_for_avx2() != 0, swiftdp_has_avx2() == 0 { throw missing("AVX2") }
}

/// The cores that this process may run on; 0 where the system does not say.
package var allowedCores: Int { Int(swiftdp_allowed_cores()) }

/// The vector instructions that this binary was built for.
package var builtInstructionSet: String {
  swiftdp_built_for_avx512() != 0 ? "avx512" : swiftdp_built_for_avx2() != 0 ? "avx2" : "baseline"
}

// fp32 products of libraries beside OpenBLAS, opened at run time where they are installed. Each is called on one thread
// inside our tiles, so that results do not depend on the number of threads.
import Base
import Foundation

/// A library whose fp32 products may take the place of OpenBLAS's.
package struct OtherProducts: Sendable {
  /// As `parallel.blas_kernel` names it.
  package let name: String
  /// The names of its file, the newest first.
  private let files: [String]
  private let bind: @Sendable (UnsafeMutableRawPointer) -> (BLAS.SGEMM, version: String)?

  /// MKL is not among them: its bits depend on the alignment of operands unless it is told otherwise, which nobody has
  /// checked here.
  package static let all = [oneDNN, blis]

  /// Whether this process can open it.
  package var isInstalled: Bool { load() != nil }

  /// Its products beside OpenBLAS's factorisations.
  func open(over blas: BLAS) throws -> BLAS {
    guard let (sgemm, version) = load() else {
      throw UserError(
        .usage, "\(files.joined(separator: " and ")): cannot be opened", at: "parallel.blas_kernel",
        hint: "install \(name), or take auto")
    }
    return blas.with(sgemm, of: name, version: version)
  }

  private func load() -> (BLAS.SGEMM, version: String)? {
    OpenMPVariables.settle()
    // They would choose other instructions, or several threads in one product.
    for variable in ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "BLIS_ARCH_TYPE", "BLIS_MODEL_TYPE"] {
      unsetenv(variable)
    }
    for loop in ["JC", "PC", "IC", "JR", "IR"] { unsetenv("BLIS_\(loop)_NT") }
    setenv("BLIS_NUM_THREADS", "1", 1)
    for file in files {
      if let library = dlopen(file, RTLD_NOW | RTLD_LOCAL), let found = bind(library) { return found }
    }
    return nil
  }

  private static let oneDNN = OtherProducts(name: "oneDNN", files: ["libdnnl.so.3", "libdnnl.so.2"]) {
    library in
    guard let product = dlsym(library, "dnnl_sgemm"), let version = dlsym(library, "dnnl_version") else {
      return nil
    }
    OneDNNProduct.call = unsafeBitCast(product, to: OneDNNProduct.Call.self)
    typealias Version = @convention(c) () -> UnsafePointer<Int32>?
    let numbers = unsafeBitCast(version, to: Version.self)()
    return (
      OneDNNProduct.sgemm, numbers.map { "\($0[0]).\($0[1]).\($0[2])" } ?? "of an unknown version"
    )
  }

  private static let blis = OtherProducts(
    name: "BLIS", files: ["libblis.so.5", "libblis.so.4", "libblis.so.3"]
  ) { library in
    guard let product = dlsym(library, "cblas_sgemm"),
      let version = dlsym(library, "bli_info_get_version_str")
    else { return nil }
    typealias Version = @convention(c) () -> UnsafePointer<CChar>?
    let text = unsafeBitCast(version, to: Version.self)().map { String(cString: $0) }
    return (unsafeBitCast(product, to: BLAS.SGEMM.self), text ?? "of an unknown version")
  }
}

extension BLAS {
  /// Whether the products are not OpenBLAS's and not ours.
  package var isOther: Bool { OtherProducts.all.contains { $0.name == kernelName } }
}

/// `dnnl_sgemm`, which takes row-major matrices, behind the arguments of `cblas_sgemm`.
private enum OneDNNProduct {
  typealias Call =
    @convention(c) (
      CChar, CChar, Int, Int, Int, Float, UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, Float,
      UnsafeMutablePointer<Float>, Int
    ) -> Int32

  /// Set once, before any product.
  nonisolated(unsafe) static var call: Call = { _, _, _, _, _, _, _, _, _, _, _, _, _ in 3 }

  static let sgemm: BLAS.SGEMM = { _, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
    let transposed: Int32 = 112
    let (yes, no) = (CChar(UInt8(ascii: "T")), CChar(UInt8(ascii: "N")))
    let code = OneDNNProduct.call(
      transposeA == transposed ? yes : no, transposeB == transposed ? yes : no, Int(m), Int(n), Int(k), alpha,
      a, Int(lda), b, Int(ldb), beta, c, Int(ldc))
    // Kernels cannot throw, and the result is missing.
    if code != 0 {
      FatalEnd.end(
        UserError(
          code == 1 ? .data : .software, "dnnl_sgemm failed with error \(code)",
          hint: "set parallel.blas_kernel to auto"))
    }
  }
}

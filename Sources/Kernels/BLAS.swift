// OpenBLAS, opened at run time. It chooses its kernels while it loads, so the environment must say beforehand which
// kernels to take; its own threads must stay out of the way (see WorkerPool).
import Base
import Foundation

/// The matrix library of this process.
package struct BLAS: Sendable {
  /// The kernels that the library picked, such as `SkylakeX`.
  package let kernelName: String
  package let version: String
  let sgemm: SGEMM
  /// Nil if the library was built without LAPACK.
  let sgesdd: SGESDD?
  private let buffers: Buffers?

  init(kernelName: String, version: String, sgemm: @escaping SGEMM, sgesdd: SGESDD?) {
    self.init(kernelName: kernelName, version: version, sgemm: sgemm, sgesdd: sgesdd, buffers: nil)
  }

  private init(
    kernelName: String, version: String, sgemm: @escaping SGEMM, sgesdd: SGESDD?, buffers: Buffers?
  ) {
    self.kernelName = kernelName
    self.version = version
    self.sgemm = sgemm
    self.sgesdd = sgesdd
    self.buffers = buffers
  }

  typealias SGEMM =
    @convention(c) (
      _ order: Int32, _ transposeA: Int32, _ transposeB: Int32, _ m: Int32, _ n: Int32, _ k: Int32,
      _ alpha: Float, _ a: UnsafePointer<Float>, _ lda: Int32, _ b: UnsafePointer<Float>, _ ldb: Int32,
      _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
    ) -> Void

  /// Opens the library, which picks its kernels at the first call in a process.
  ///
  /// OpenBLAS 0.3.21 knows no processor newer than itself and falls back to AVX2 kernels on those, at half the speed.
  /// So swiftdp chooses the AVX-512 kernels if the processor has AVX-512. The bits of results depend on the kernels
  /// and their block sizes, so variables that happen to be set may decide neither.
  /// - Parameter kernel: a name that OpenBLAS knows, such as `SkylakeX` or `Haswell`; nil for the best known one, as
  ///   `measuredName` is where nothing was measured; `portableName` or `splitName` for products of our own; or the
  ///   name of another library (`OtherProducts`).
  /// - Throws: `UserError` if the library or the kernel is missing.
  package static func open(kernel: String? = nil) throws -> BLAS {
    if kernel == portableName { return try portable() }
    if kernel == splitName { return try split(over: try openBLAS(kernel: nil)) }
    if let other = OtherProducts.all.first(where: { $0.name.lowercased() == kernel?.lowercased() }) {
      return try other.open(over: try openBLAS(kernel: nil))
    }
    return try openBLAS(kernel: kernel == measuredName ? nil : kernel)
  }

  /// What `parallel.blas_kernel` is where a recipe names no kernel.
  package static let measuredName = "measured"

  private static func openBLAS(kernel: String?) throws -> BLAS {
    OpenMPVariables.settle()
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    unsetenv("OPENBLAS_L2_SIZE")
    unsetenv("OPENBLAS_BLOCK_FACTOR")
    if let kernel = kernel ?? (InstructionSets.offered.hasAVX512 ? "SkylakeX" : nil) {
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
      sgemm: try symbol("cblas_sgemm", as: SGEMM.self),
      sgesdd: dlsym(library, "sgesdd_").map { unsafeBitCast($0, to: SGESDD.self) }, buffers: Buffers(library))
  }
}

extension BLAS {
  /// The functions that give OpenBLAS memory to pack the operands of its products in.
  private struct Buffers: Sendable {
    let take: @convention(c) (Int32) -> UnsafeMutableRawPointer?
    let give: @convention(c) (UnsafeMutableRawPointer?) -> Void
    /// The size of one piece of memory that it maps at once (BUFFER_SIZE on x86-64), and a little more.
    static let bytes = 129 << 20

    /// Nil if the library does not export them.
    init?(_ library: UnsafeMutableRawPointer) {
      guard let take = dlsym(library, "blas_memory_alloc"), let give = dlsym(library, "blas_memory_free")
      else { return nil }
      self.take = unsafeBitCast(take, to: (@convention(c) (Int32) -> UnsafeMutableRawPointer?).self)
      self.give = unsafeBitCast(give, to: (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)
    }
  }

  /// Makes OpenBLAS map its memory now, for this many threads. If the system gave none at the first product, OpenBLAS
  /// would try again for ever.
  /// - Throws: `UserError` if the system gives none.
  func takeBuffers(threads: Int) throws {
    guard let buffers else { return }
    var taken: [UnsafeMutableRawPointer?] = []
    defer { for buffer in taken { buffers.give(buffer) } }
    for _ in 0..<threads {
      guard let room = mmap(nil, Buffers.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        room != MAP_FAILED
      else { throw UserError.noMemory(Buffers.bytes, for: "matrix products") }
      munmap(room, Buffers.bytes)
      taken.append(buffers.take(0))
    }
  }
}

extension BLAS {
  /// The same library, with the products of another.
  func with(_ sgemm: @escaping SGEMM, of library: String, version other: String) -> BLAS {
    BLAS(
      kernelName: library, version: "\(library) \(other), \(version)", sgemm: sgemm, sgesdd: sgesdd,
      buffers: buffers)
  }

  /// The library with its kernels, in words.
  package var name: String {
    isPortable
      ? "portable products"
      : isSplit ? "fp32 by bf16x3" : isOther ? kernelName : "OpenBLAS \(kernelName)"
  }

  /// C = alpha · op(A) op(B) + beta · C, row-major, on the calling thread.
  @inline(__always)
  package func product(
    _ transposition: Transposition, m: Int, n: Int, k: Int, alpha: Float = 1,
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int,
    beta: Float = 0, _ c: UnsafeMutablePointer<Float>, _ ldc: Int
  ) {
    Self.multiply(sgemm, transposition, m: m, n: n, k: k, alpha: alpha, a, lda, b, ldb, beta: beta, c, ldc)
  }

  @inline(__always)
  static func multiply(
    _ sgemm: SGEMM, _ transposition: Transposition, m: Int, n: Int, k: Int, alpha: Float = 1,
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

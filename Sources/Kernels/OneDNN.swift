// Products of bfloat16 matrices with oneDNN, which is opened at run time: a machine without it runs everything else.
import Base
import Foundation
import Tensors

/// oneDNN 2 or 3 on one thread, so that kernels can run it inside their own tiles.
package final class OneDNN: @unchecked Sendable {
  package let version: String
  let calls: OneDNNCalls
  let engine: OpaquePointer
  private let matmul: any OneDNNMatmul

  /// What to install if neither version is installed.
  package static var missing: (what: String, hint: String) {
    (
      "oneDNN (libdnnl.so.3 or libdnnl.so.2) is not installed",
      OperatingSystem.current?.oneDNN ?? "install the package of your system, or build it from its sources"
    )
  }

  /// Whether it multiplies bfloat16 faster than dot products do.
  package static var isFaster: Bool { InstructionSets.offered.hasAMXBF16 }

  /// Nil if neither version of the library is installed.
  package init?() {
    OpenMPVariables.settle()
    guard let (calls, matmul) = Self.open() else { return nil }
    self.calls = calls
    self.matmul = matmul
    let numbers = calls.version()?.assumingMemoryBound(to: Int32.self)
    version = numbers.map { "\($0[0]).\($0[1]).\($0[2])" } ?? "of an unknown version"
    var engine: OpaquePointer?
    let code = calls.createEngine(&engine, 1, 0)
    guard code == 0, let engine else { Self.fail(code, "engine_create", version: version) }
    self.engine = engine
  }

  /// The newest version that is installed.
  private static func open() -> (OneDNNCalls, any OneDNNMatmul)? {
    for (name, makeMatmul) in [
      ("libdnnl.so.3", { OneDNN3Matmul($0) as (any OneDNNMatmul)? }), ("libdnnl.so.2", { OneDNN2Matmul($0) }),
    ] {
      guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL), let calls = OneDNNCalls(library),
        let matmul = makeMatmul(library)
      else { continue }
      return (calls, matmul)
    }
    return nil
  }

  /// The kernels of one worker, made at their first use. Threads must not share it.
  final class Worker {
    private let library: OneDNN
    private let stream: OpaquePointer
    private var kernels: [HalfProductShape: Kernel] = [:]
    private static let handle: StaticString = "memory_set_data_handle"

    init(_ library: OneDNN) {
      self.library = library
      var stream: OpaquePointer?
      library.check(library.calls.createStream(&stream, library.engine, 1), "stream_create")
      self.stream = stream!
    }

    /// C = op(A) op(B), or C += op(A) op(B); sums are fp32.
    func product(
      _ shape: HalfProductShape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
      _ c: UnsafeMutablePointer<Float>
    ) {
      let kernel = kernels[shape] ?? library.makeKernel(shape)
      kernels[shape] = kernel
      let calls = library.calls
      library.check(
        calls.setHandle(kernel.arguments[0].memory, UnsafeMutableRawPointer(mutating: a)), Self.handle)
      library.check(
        calls.setHandle(kernel.arguments[1].memory, UnsafeMutableRawPointer(mutating: b)), Self.handle)
      library.check(calls.setHandle(kernel.arguments[2].memory, UnsafeMutableRawPointer(c)), Self.handle)
      library.check(calls.execute(kernel.primitive, stream, 3, kernel.arguments), "primitive_execute")
    }
  }

  /// `dnnl_exec_arg_t`
  fileprivate struct Argument {
    let index: Int32
    let memory: OpaquePointer
  }

  /// A primitive with its three memory objects, which live as long as the process.
  fileprivate struct Kernel {
    let primitive: OpaquePointer
    let arguments: UnsafeMutablePointer<Argument>
  }

  /// Ends the run if the library failed: kernels cannot throw, and the result is missing.
  @inline(__always)
  func check(_ code: Int32, _ what: StaticString) {
    if code != 0 { Self.fail(code, what, version: version) }
  }

  @inline(never)
  private static func fail(_ code: Int32, _ what: StaticString, version: String) -> Never {
    // dnnl_status_t
    let reasons = [
      "", "out of memory", "invalid arguments", "not implemented", "last implementation reached",
      "runtime error",
    ]
    let reason = reasons.indices.contains(Int(code)) ? reasons[Int(code)] : "error \(code)"
    FatalEnd.end(
      UserError(
        code == 1 ? .data : .software, "oneDNN \(version): dnnl_\(what) failed: \(reason)",
        hint: code == 1 ? "raise the limit on memory" : "model_dtype float32 does without oneDNN"))
  }

  private func makeKernel(_ shape: HalfProductShape) -> Kernel {
    let (primitive, memories) = matmul.make(shape, self)
    let arguments = UnsafeMutablePointer<Argument>.allocate(capacity: 3)
    // DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST
    for (place, index) in [Int32(1), 33, 17].enumerated() {
      (arguments + place).initialize(to: Argument(index: index, memory: memories[place]))
    }
    return Kernel(primitive: primitive, arguments: arguments)
  }
}

extension HalfProductShape {
  /// The three matrices, A, B and C: sizes, element type (`dnnl_data_type_t`) and strides.
  var matrices: [(sizes: (Int, Int), type: Int32, strides: (Int, Int))] {
    let (bf16, fp32): (Int32, Int32) = (2, 3)
    return [
      ((m, k), bf16, transposition == .first ? (1, lda) : (lda, 1)),
      ((k, n), bf16, transposition == .second ? (1, ldb) : (ldb, 1)), ((m, n), fp32, (ldc, 1)),
    ]
  }
}

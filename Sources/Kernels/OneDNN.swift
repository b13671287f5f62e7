// Products of bfloat16 matrices with oneDNN, which is opened at run time: a machine without it runs everything else.
import Base
import Foundation
import Tensors

/// oneDNN 2 on one thread, so that kernels can run it inside their own tiles.
package final class OneDNN: @unchecked Sendable {
  package let version: String
  private let calls: Calls
  private let engine: OpaquePointer

  /// Whether this processor has bfloat16 products of its own; on others, fp32 products are faster.
  package static var isSupported: Bool {
    InstructionSets.offered.hasAVX512BF16 || InstructionSets.offered.hasAMXBF16
  }

  /// The instructions that it uses for that.
  package static var instructions: String { InstructionSets.offered.hasAMXBF16 ? "AMX" : "avx512_bf16" }

  /// Nil if the library is missing or has another version.
  package init?() {
    // libgomp, a dependency of the library, reads this while it loads.
    setenv("OMP_NUM_THREADS", "1", 1)
    guard let library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL), let calls = Calls(library) else {
      return nil
    }
    self.calls = calls
    var engine: OpaquePointer?
    guard calls.createEngine(&engine, 1, 0) == 0, let engine else { return nil }
    self.engine = engine
    let numbers = calls.version()?.assumingMemoryBound(to: Int32.self)
    version = numbers.map { "\($0[0]).\($0[1]).\($0[2])" } ?? "2"
  }

  /// A product as the library sees it: all sizes are part of the kernel.
  struct Shape: Hashable {
    let transposition: Transposition
    let m, n, k, lda, ldb, ldc: Int
    let adding: Bool
  }

  /// The kernels of one worker, made at their first use. Threads must not share it.
  final class Worker {
    private let library: OneDNN
    private let stream: OpaquePointer
    private var kernels: [Shape: Kernel] = [:]
    private static let handle: StaticString = "memory_set_data_handle"

    init(_ library: OneDNN) {
      self.library = library
      var stream: OpaquePointer?
      library.check(library.calls.createStream(&stream, library.engine, 1), "stream_create")
      self.stream = stream!
    }

    /// C = op(A) op(B), or C += op(A) op(B); sums are fp32.
    func product(
      _ shape: Shape, _ a: UnsafePointer<BFloat16>, _ b: UnsafePointer<BFloat16>,
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
  fileprivate func check(_ code: Int32, _ what: StaticString) {
    if code != 0 { fail(code, what) }
  }

  @inline(never)
  private func fail(_ code: Int32, _ what: StaticString) -> Never {
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

  private func makeKernel(_ shape: Shape) -> Kernel {
    // The library's structs grow with each version, and their content is private to the library.
    let room = 1 << 14
    let descriptors = UnsafeMutableRawPointer.allocate(byteCount: 4 * room, alignment: 64)
    defer { descriptors.deallocate() }
    descriptors.initializeMemory(as: UInt8.self, repeating: 0, count: 4 * room)
    func matrix(_ place: Int, _ rows: Int, _ columns: Int, _ type: Int32, _ strides: (Int, Int)) {
      withUnsafeBytes(of: (rows, columns)) { sizes in
        withUnsafeBytes(of: strides) { strides in
          check(
            calls.describeMemory(
              descriptors + place * room, 2, sizes.baseAddress!, type, strides.baseAddress!),
            "memory_desc_init_by_strides")
        }
      }
    }
    let (bf16, fp32): (Int32, Int32) = (2, 3)
    matrix(0, shape.m, shape.k, bf16, shape.transposition == .first ? (1, shape.lda) : (shape.lda, 1))
    matrix(1, shape.k, shape.n, bf16, shape.transposition == .second ? (1, shape.ldb) : (shape.ldb, 1))
    matrix(2, shape.m, shape.n, fp32, (shape.ldc, 1))
    check(
      calls.describeProduct(
        descriptors + 3 * room, descriptors, descriptors + room, nil, descriptors + 2 * room),
      "matmul_desc_init")
    var attributes: OpaquePointer?
    var after: OpaquePointer?
    check(calls.createAttributes(&attributes), "primitive_attr_create")
    check(calls.createPostOperations(&after), "post_ops_create")
    if shape.adding { check(calls.appendSum(after, 1), "post_ops_append_sum") }
    check(calls.setPostOperations(attributes, after), "primitive_attr_set_post_ops")
    var descriptor: OpaquePointer?
    check(
      calls.createDescriptor(&descriptor, descriptors + 3 * room, attributes, engine, nil),
      "primitive_desc_create")
    var primitive: OpaquePointer?
    check(calls.createPrimitive(&primitive, descriptor), "primitive_create")
    _ = calls.destroyDescriptor(descriptor)
    _ = calls.destroyPostOperations(after)
    _ = calls.destroyAttributes(attributes)
    let arguments = UnsafeMutablePointer<Argument>.allocate(capacity: 3)
    // DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST
    for (place, index) in [Int32(1), 33, 17].enumerated() {
      var memory: OpaquePointer?
      check(calls.createMemory(&memory, descriptors + place * room, engine, nil), "memory_create")
      (arguments + place).initialize(to: Argument(index: index, memory: memory!))
    }
    return Kernel(primitive: primitive!, arguments: arguments)
  }

  /// The library's functions.
  private struct Calls: @unchecked Sendable {
    typealias Made = UnsafeMutablePointer<OpaquePointer?>
    let version: @convention(c) () -> UnsafeRawPointer?
    let createEngine: @convention(c) (Made, Int32, Int) -> Int32
    let createStream: @convention(c) (Made, OpaquePointer, UInt32) -> Int32
    let describeMemory:
      @convention(c) (
        UnsafeMutableRawPointer, Int32, UnsafeRawPointer, Int32, UnsafeRawPointer
      ) -> Int32
    let describeProduct:
      @convention(c) (
        UnsafeMutableRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer?, UnsafeRawPointer
      ) -> Int32
    let createAttributes: @convention(c) (Made) -> Int32
    let destroyAttributes: @convention(c) (OpaquePointer?) -> Int32
    let createPostOperations: @convention(c) (Made) -> Int32
    let destroyPostOperations: @convention(c) (OpaquePointer?) -> Int32
    let appendSum: @convention(c) (OpaquePointer?, Float) -> Int32
    let setPostOperations: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32
    let createDescriptor:
      @convention(c) (
        Made, UnsafeRawPointer, OpaquePointer?, OpaquePointer, OpaquePointer?
      ) -> Int32
    let destroyDescriptor: @convention(c) (OpaquePointer?) -> Int32
    let createPrimitive: @convention(c) (Made, OpaquePointer?) -> Int32
    let createMemory:
      @convention(c) (Made, UnsafeRawPointer, OpaquePointer, UnsafeMutableRawPointer?) -> Int32
    let setHandle: @convention(c) (OpaquePointer, UnsafeMutableRawPointer?) -> Int32
    let execute: @convention(c) (OpaquePointer, OpaquePointer, Int32, UnsafeRawPointer) -> Int32

    init?(_ library: UnsafeMutableRawPointer) {
      var complete = true
      // A missing function is never called, since the initialiser fails first.
      func function<T>(_ name: String) -> T {
        if let address = dlsym(library, "dnnl_" + name) { return unsafeBitCast(address, to: T.self) }
        complete = false
        let nothing: @convention(c) () -> Void = {}
        return unsafeBitCast(nothing, to: T.self)
      }
      version = function("version")
      createEngine = function("engine_create")
      createStream = function("stream_create")
      describeMemory = function("memory_desc_init_by_strides")
      describeProduct = function("matmul_desc_init")
      createAttributes = function("primitive_attr_create")
      destroyAttributes = function("primitive_attr_destroy")
      createPostOperations = function("post_ops_create")
      destroyPostOperations = function("post_ops_destroy")
      appendSum = function("post_ops_append_sum")
      setPostOperations = function("primitive_attr_set_post_ops")
      createDescriptor = function("primitive_desc_create")
      destroyDescriptor = function("primitive_desc_destroy")
      createPrimitive = function("primitive_create")
      createMemory = function("memory_create")
      setHandle = function("memory_set_data_handle")
      execute = function("primitive_execute")
      guard complete else { return nil }
    }
  }
}

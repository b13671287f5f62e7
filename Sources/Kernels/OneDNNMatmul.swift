// Versions of oneDNN differ in how a product is described. In version 2, memory descriptors are structs of the
// caller's and there is an operation descriptor; version 3 makes descriptors itself and has no operation descriptor.
import Foundation

/// Makes the primitive of a product, and its memory objects for A, B and C.
protocol OneDNNMatmul: Sendable {
  func make(
    _ shape: HalfProductShape, _ library: OneDNN
  ) -> (primitive: OpaquePointer, memories: [OpaquePointer])
}

extension OneDNN {
  /// A primitive from the descriptor that `describe` makes.
  fileprivate func primitive(
    adding: Bool, appendSum: (OpaquePointer?) -> Int32,
    describe: (OneDNNCalls.Made, OpaquePointer?) -> Int32
  ) -> OpaquePointer {
    var attributes: OpaquePointer?
    var after: OpaquePointer?
    check(calls.createAttributes(&attributes), "primitive_attr_create")
    check(calls.createPostOperations(&after), "post_ops_create")
    if adding { check(appendSum(after), "post_ops_append_sum") }
    check(calls.setPostOperations(attributes, after), "primitive_attr_set_post_ops")
    var descriptor: OpaquePointer?
    check(describe(&descriptor, attributes), "primitive_desc_create")
    var primitive: OpaquePointer?
    check(calls.createPrimitive(&primitive, descriptor), "primitive_create")
    _ = calls.destroyDescriptor(descriptor)
    _ = calls.destroyPostOperations(after)
    _ = calls.destroyAttributes(attributes)
    return primitive!
  }

  fileprivate func memory(_ descriptor: UnsafeRawPointer) -> OpaquePointer {
    var memory: OpaquePointer?
    check(calls.createMemory(&memory, descriptor, engine, nil), "memory_create")
    return memory!
  }
}

struct OneDNN2Matmul: OneDNNMatmul {
  private let describeMemory:
    @convention(c) (UnsafeMutableRawPointer, Int32, UnsafeRawPointer, Int32, UnsafeRawPointer) -> Int32
  private let describeProduct:
    @convention(c) (
      UnsafeMutableRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer?, UnsafeRawPointer
    ) -> Int32
  private let appendSum: @convention(c) (OpaquePointer?, Float) -> Int32
  private let createDescriptor:
    @convention(c) (
      OneDNNCalls.Made, UnsafeRawPointer, OpaquePointer?, OpaquePointer, OpaquePointer?
    ) -> Int32

  init?(_ handle: UnsafeMutableRawPointer) {
    var library = OneDNNLibrary(handle)
    describeMemory = library.function("memory_desc_init_by_strides")
    describeProduct = library.function("matmul_desc_init")
    appendSum = library.function("post_ops_append_sum")
    createDescriptor = library.function("primitive_desc_create")
    guard library.isComplete else { return nil }
  }

  func make(
    _ shape: HalfProductShape, _ library: OneDNN
  ) -> (primitive: OpaquePointer, memories: [OpaquePointer]) {
    // The library's structs grow with each version, and their content is private to the library.
    let room = 1 << 14
    let descriptors = UnsafeMutableRawPointer.allocate(byteCount: 4 * room, alignment: 64)
    defer { descriptors.deallocate() }
    descriptors.initializeMemory(as: UInt8.self, repeating: 0, count: 4 * room)
    for (place, matrix) in shape.matrices.enumerated() {
      withUnsafeBytes(of: matrix.sizes) { sizes in
        withUnsafeBytes(of: matrix.strides) { strides in
          library.check(
            describeMemory(
              descriptors + place * room, 2, sizes.baseAddress!, matrix.type, strides.baseAddress!),
            "memory_desc_init_by_strides")
        }
      }
    }
    let product = descriptors + 3 * room
    library.check(
      describeProduct(product, descriptors, descriptors + room, nil, descriptors + 2 * room),
      "matmul_desc_init")
    let primitive = library.primitive(
      adding: shape.adding, appendSum: { appendSum($0, 1) },
      describe: { createDescriptor($0, product, $1, library.engine, nil) })
    return (primitive, (0..<3).map { library.memory(descriptors + $0 * room) })
  }
}

struct OneDNN3Matmul: OneDNNMatmul {
  private let describeMemory:
    @convention(c) (OneDNNCalls.Made, Int32, UnsafeRawPointer, Int32, UnsafeRawPointer) -> Int32
  private let forgetMemory: @convention(c) (OpaquePointer?) -> Int32
  private let appendSum: @convention(c) (OpaquePointer?, Float, Int32, Int32) -> Int32
  private let createDescriptor:
    @convention(c) (
      OneDNNCalls.Made, OpaquePointer, OpaquePointer?, OpaquePointer?, OpaquePointer?, OpaquePointer?,
      OpaquePointer?
    ) -> Int32

  init?(_ handle: UnsafeMutableRawPointer) {
    var library = OneDNNLibrary(handle)
    describeMemory = library.function("memory_desc_create_with_strides")
    forgetMemory = library.function("memory_desc_destroy")
    appendSum = library.function("post_ops_append_sum")
    createDescriptor = library.function("matmul_primitive_desc_create")
    guard library.isComplete else { return nil }
  }

  func make(
    _ shape: HalfProductShape, _ library: OneDNN
  ) -> (primitive: OpaquePointer, memories: [OpaquePointer]) {
    let descriptors = shape.matrices.map { matrix -> OpaquePointer in
      var descriptor: OpaquePointer?
      withUnsafeBytes(of: matrix.sizes) { sizes in
        withUnsafeBytes(of: matrix.strides) { strides in
          library.check(
            describeMemory(&descriptor, 2, sizes.baseAddress!, matrix.type, strides.baseAddress!),
            "memory_desc_create_with_strides")
        }
      }
      return descriptor!
    }
    // The type of the sum is that of C, `dnnl_data_type_undef`.
    let primitive = library.primitive(
      adding: shape.adding, appendSum: { appendSum($0, 1, 0, 0) },
      describe: {
        createDescriptor($0, library.engine, descriptors[0], descriptors[1], nil, descriptors[2], $1)
      })
    let memories = descriptors.map { library.memory(UnsafeRawPointer($0)) }
    for descriptor in descriptors { _ = forgetMemory(descriptor) }
    return (primitive, memories)
  }
}

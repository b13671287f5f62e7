// The functions of oneDNN that its versions share.
import Foundation

/// Functions of a library, by their names without `dnnl_`.
struct OneDNNLibrary {
  let handle: UnsafeMutableRawPointer
  private(set) var isComplete = true

  init(_ handle: UnsafeMutableRawPointer) { self.handle = handle }

  /// A missing function is never called: users of this check `isComplete` first.
  mutating func function<T>(_ name: String) -> T {
    if let address = dlsym(handle, "dnnl_" + name) { return unsafeBitCast(address, to: T.self) }
    isComplete = false
    let nothing: @convention(c) () -> Void = {}
    return unsafeBitCast(nothing, to: T.self)
  }
}

struct OneDNNCalls: @unchecked Sendable {
  typealias Made = UnsafeMutablePointer<OpaquePointer?>
  let version: @convention(c) () -> UnsafeRawPointer?
  let createEngine: @convention(c) (Made, Int32, Int) -> Int32
  let createStream: @convention(c) (Made, OpaquePointer, UInt32) -> Int32
  let createAttributes: @convention(c) (Made) -> Int32
  let destroyAttributes: @convention(c) (OpaquePointer?) -> Int32
  let createPostOperations: @convention(c) (Made) -> Int32
  let destroyPostOperations: @convention(c) (OpaquePointer?) -> Int32
  let setPostOperations: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32
  let destroyDescriptor: @convention(c) (OpaquePointer?) -> Int32
  let createPrimitive: @convention(c) (Made, OpaquePointer?) -> Int32
  let createMemory: @convention(c) (Made, UnsafeRawPointer, OpaquePointer, UnsafeMutableRawPointer?) -> Int32
  let setHandle: @convention(c) (OpaquePointer, UnsafeMutableRawPointer?) -> Int32
  let execute: @convention(c) (OpaquePointer, OpaquePointer, Int32, UnsafeRawPointer) -> Int32

  /// Nil if a function is missing.
  init?(_ handle: UnsafeMutableRawPointer) {
    var library = OneDNNLibrary(handle)
    version = library.function("version")
    createEngine = library.function("engine_create")
    createStream = library.function("stream_create")
    createAttributes = library.function("primitive_attr_create")
    destroyAttributes = library.function("primitive_attr_destroy")
    createPostOperations = library.function("post_ops_create")
    destroyPostOperations = library.function("post_ops_destroy")
    setPostOperations = library.function("primitive_attr_set_post_ops")
    destroyDescriptor = library.function("primitive_desc_destroy")
    createPrimitive = library.function("primitive_create")
    createMemory = library.function("memory_create")
    setHandle = library.function("memory_set_data_handle")
    execute = library.function("primitive_execute")
    guard library.isComplete else { return nil }
  }
}

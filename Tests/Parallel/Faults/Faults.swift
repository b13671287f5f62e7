// Faults for a rank of swiftdp, from outside of it: a library that is loaded before all others (LD_PRELOAD).
//
//   FAULT=part           one bit changes of every part of a gradient that arrives
//   FAULT=die:CALLS      the process is killed when it expects that part of a gradient
//   FAULT=flip:FOLDER    one bit changes of what is written to first moments of a checkpoint in FOLDER
//   FAULT=kill:FILE      the process is killed when it writes to a file with that in its path
//   FAULT=fail:FILE      writing to such a file fails, as on a broken disk
//   FAULT=product:CALL   one bit is wrong of the result of that matrix product
//   FAULT=products:CALL  the same of all products from that one on, as of a processor that has worn out
//   FAULT=stay:CALL      that gather of one number each never comes back, as where MPI loses a message
//   FAULT=refuse:CALL    that gather of one number each fails with MPI_ERR_OTHER
//   FAULT=onednn:CALL    that product fails in oneDNN
//   FAULT=groups         says at the end how many communicators were split off, and how many of them freed
//   FAULT=quota:FILE     the same, as where the user's quota is used up
//   FAULT=cut:FILE       the file loses its second half once the process has mapped it
//
// FAULT_RANK says which rank it happens to.
import Glibc

/// What the environment asks of this process.
private struct Fault: Sendable {
  let kind: String
  let detail: String

  init?() {
    func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    guard !value("FAULT").isEmpty, value("OMPI_COMM_WORLD_RANK") == value("FAULT_RANK") else { return nil }
    let parts = value("FAULT").split(separator: ":", maxSplits: 1).map(String.init)
    kind = parts[0]
    detail = parts.count > 1 ? parts[1] : ""
  }
}

private let fault = Fault()
/// How many parts were expected; only one thread of a rank expects them.
nonisolated(unsafe) private var exchanges = 0

/// The function that this library hides. RTLD_NEXT is a macro that Swift does not import.
private func hidden<T>(_ name: String, as type: T.Type) -> T {
  unsafeBitCast(dlsym(UnsafeMutableRawPointer(bitPattern: -1), name)!, to: type)
}

/// The places where gradients will arrive that are waited for.
nonisolated(unsafe) private var arriving: [UnsafeMutableRawPointer] = []

/// Pretends that the host has no room: gradients then travel in messages, which this library can change.
@_cdecl("shm_open")
public func openShared(_ name: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t) -> Int32 {
  if let fault, ["part", "die"].contains(fault.kind), String(cString: name).contains("gradients") {
    errno = ENOSPC
    return -1
  }
  typealias Open = @convention(c) (UnsafePointer<CChar>, Int32, mode_t) -> Int32
  return hidden("shm_open", as: Open.self)(name, flags, mode)
}

@_cdecl("MPI_Irecv")
public func receive(
  _ target: UnsafeMutableRawPointer, _ count: Int32, _ type: OpaquePointer, _ rank: Int32, _ tag: Int32,
  _ communicator: OpaquePointer, _ request: UnsafeMutablePointer<OpaquePointer?>
) -> Int32 {
  exchanges += 1
  if fault?.kind == "die", fault.map({ Int($0.detail) == exchanges }) == true { kill(getpid(), SIGKILL) }
  if fault?.kind == "part", count >= 4 { arriving.append(target) }
  typealias Receive =
    @convention(c) (
      UnsafeMutableRawPointer, Int32, OpaquePointer, Int32, Int32, OpaquePointer,
      UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32
  return hidden("MPI_Irecv", as: Receive.self)(target, count, type, rank, tag, communicator, request)
}

/// How many gathers there were; only one thread of a rank makes them.
nonisolated(unsafe) private var gathers = 0

@_cdecl("MPI_Allgather")
public func gather(
  _ mine: UnsafeRawPointer, _ count: Int32, _ type: OpaquePointer, _ all: UnsafeMutableRawPointer,
  _ allCount: Int32, _ allType: OpaquePointer, _ communicator: OpaquePointer
) -> Int32 {
  typealias Gather =
    @convention(c) (
      UnsafeRawPointer, Int32, OpaquePointer, UnsafeMutableRawPointer, Int32, OpaquePointer, OpaquePointer
    ) -> Int32
  gathers += 1
  if let fault, fault.kind == "refuse", Int(fault.detail) == gathers { return 16 }
  let next = hidden("MPI_Allgather", as: Gather.self)
  let code = next(mine, count, type, all, allCount, allType, communicator)
  while let fault, fault.kind == "stay", Int(fault.detail) == gathers { usleep(1000) }
  return code
}

@_cdecl("MPI_Waitall")
public func waitAll(
  _ count: Int32, _ requests: UnsafeMutablePointer<OpaquePointer?>, _ statuses: OpaquePointer?
) -> Int32 {
  typealias Wait =
    @convention(c) (Int32, UnsafeMutablePointer<OpaquePointer?>, OpaquePointer?) -> Int32
  let code = hidden("MPI_Waitall", as: Wait.self)(count, requests, statuses)
  // In a small model, every message has arrived when any wait but the first of a round is over.
  for part in arriving {
    let bits = part.load(as: UInt32.self) ^ 1 << 21
    part.storeBytes(of: bits, as: UInt32.self)
  }
  arriving = []
  return code
}

@_cdecl("pwrite")
public func write(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int, _ offset: Int) -> Int {
  typealias Write = @convention(c) (Int32, UnsafeRawPointer, Int, Int) -> Int
  let next = hidden("pwrite", as: Write.self)
  if let fault, ["kill", "fail", "quota"].contains(fault.kind), path(of: file)?.contains(fault.detail) == true
  {
    if fault.kind == "kill" { kill(getpid(), SIGKILL) }
    errno = fault.kind == "quota" ? EDQUOT : EIO
    return -1
  }
  guard fault?.kind == "flip", count >= 64, let path = path(of: file), let fault,
    path.contains(fault.detail), path.contains("first_moment")
  else { return next(file, bytes, count, offset) }
  let copy = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
  defer { copy.deallocate() }
  copy.copyMemory(from: bytes, byteCount: count)
  // A bit in the middle of the mantissa of one number.
  copy.storeBytes(of: copy.load(fromByteOffset: 9, as: UInt8.self) ^ 0x10, toByteOffset: 9, as: UInt8.self)
  return next(file, copy, count, offset)
}

private func path(of file: Int32) -> String? {
  var name = [UInt8](repeating: 0, count: 4096)
  let count = name.withUnsafeMutableBytes {
    readlink("/proc/self/fd/\(file)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
  }
  return count > 0 ? String(decoding: name[..<count], as: UTF8.self) : nil
}

/// How many communicators were split off, and how many freed.
nonisolated(unsafe) private var groups = (made: 0, freed: 0)

@_cdecl("MPI_Comm_split")
public func split(
  _ communicator: OpaquePointer, _ color: Int32, _ key: Int32, _ part: UnsafeMutablePointer<OpaquePointer?>
) -> Int32 {
  typealias Split =
    @convention(c) (OpaquePointer, Int32, Int32, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  // MPI_UNDEFINED gives none.
  if color >= 0 { groups.made += 1 }
  return hidden("MPI_Comm_split", as: Split.self)(communicator, color, key, part)
}

@_cdecl("MPI_Comm_split_type")
public func splitByHost(
  _ communicator: OpaquePointer, _ type: Int32, _ key: Int32, _ info: OpaquePointer,
  _ part: UnsafeMutablePointer<OpaquePointer?>
) -> Int32 {
  typealias Split =
    @convention(c) (OpaquePointer, Int32, Int32, OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  groups.made += 1
  return hidden("MPI_Comm_split_type", as: Split.self)(communicator, type, key, info, part)
}

@_cdecl("MPI_Comm_free")
public func release(_ part: UnsafeMutablePointer<OpaquePointer?>) -> Int32 {
  typealias Free = @convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Int32
  groups.freed += 1
  return hidden("MPI_Comm_free", as: Free.self)(part)
}

@_cdecl("MPI_Finalize")
public func finish() -> Int32 {
  if fault?.kind == "groups" {
    let line = "swiftdp: \(groups.made) communicators, \(groups.freed) freed\n"
    _ = Glibc.write(2, line, line.utf8.count)
  }
  return hidden("MPI_Finalize", as: (@convention(c) () -> Int32).self)()
}

/// How many matrix products this process made; with faults in them, a rank has one thread.
nonisolated(unsafe) private var products = 0
nonisolated(unsafe) private var library: UnsafeMutableRawPointer?

/// Puts this library in front of OpenBLAS, or oneDNN, when functions are looked up in one of these alone.
@_cdecl("dlopen")
public func open(_ name: UnsafePointer<CChar>?, _ flags: Int32) -> UnsafeMutableRawPointer? {
  typealias Open = @convention(c) (UnsafePointer<CChar>?, Int32) -> UnsafeMutableRawPointer?
  let next = hidden("dlopen", as: Open.self)
  let hides =
    fault?.kind == "onednn" ? "libdnnl" : fault?.kind.hasPrefix("product") == true ? "libopenblas" : nil
  guard let hides, let name, String(cString: name).hasPrefix(hides) else { return next(name, flags) }
  library = next(name, flags | RTLD_GLOBAL)
  return library == nil ? nil : next(nil, flags)
}

@_cdecl("cblas_sgemm")
public func multiply(
  _ order: Int32, _ transposeA: Int32, _ transposeB: Int32, _ m: Int32, _ n: Int32, _ k: Int32,
  _ alpha: Float, _ a: UnsafePointer<Float>, _ lda: Int32, _ b: UnsafePointer<Float>, _ ldb: Int32,
  _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
) {
  typealias Multiply =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>,
      Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  unsafeBitCast(dlsym(library, "cblas_sgemm")!, to: Multiply.self)(
    order, transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
  products += 1
  guard let fault, let call = Int(fault.detail) else { return }
  if fault.kind == "product" ? products == call : products >= call {
    // In the middle: the first token sees only itself, and the last has nothing to predict, whatever is computed.
    let row = c + Int(m / 2 * ldc)
    row.pointee = Float(bitPattern: row.pointee.bitPattern ^ 1 << 21)
  }
}

@_cdecl("dnnl_primitive_execute")
public func execute(
  _ primitive: OpaquePointer, _ stream: OpaquePointer, _ count: Int32, _ arguments: UnsafeRawPointer
) -> Int32 {
  products += 1
  // dnnl_runtime_error
  if let fault, fault.kind == "onednn", Int(fault.detail) == products { return 5 }
  typealias Execute = @convention(c) (OpaquePointer, OpaquePointer, Int32, UnsafeRawPointer) -> Int32
  return unsafeBitCast(dlsym(library, "dnnl_primitive_execute")!, to: Execute.self)(
    primitive, stream, count, arguments)
}

@_cdecl("dnnl_sgemm")
public func multiplyByOneDNN(
  _ transposeA: CChar, _ transposeB: CChar, _ m: Int, _ n: Int, _ k: Int, _ alpha: Float,
  _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int, _ beta: Float,
  _ c: UnsafeMutablePointer<Float>, _ ldc: Int
) -> Int32 {
  products += 1
  if let fault, fault.kind == "onednn", Int(fault.detail) == products { return 5 }
  typealias Multiply =
    @convention(c) (
      CChar, CChar, Int, Int, Int, Float, UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, Float,
      UnsafeMutablePointer<Float>, Int
    ) -> Int32
  return unsafeBitCast(dlsym(library, "dnnl_sgemm")!, to: Multiply.self)(
    transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

@_cdecl("mmap")
public func map(
  _ address: UnsafeMutableRawPointer?, _ count: Int, _ protection: Int32, _ flags: Int32, _ file: Int32,
  _ offset: Int
) -> UnsafeMutableRawPointer? {
  typealias Map =
    @convention(c) (UnsafeMutableRawPointer?, Int, Int32, Int32, Int32, Int) -> UnsafeMutableRawPointer?
  let mapped = hidden("mmap", as: Map.self)(address, count, protection, flags, file, offset)
  // Most mappings are of memory, and some of them are made before this library can do anything.
  guard file >= 0, let fault, fault.kind == "cut", let path = path(of: file), path.contains(fault.detail)
  else { return mapped }
  truncate(path, count / 2)
  return mapped
}

// Faults for a rank of swiftdp, from outside of it: a library that is loaded before all others (LD_PRELOAD).
//
//   FAULT=order          the exchange of gradients delivers the parts in the opposite order
//   FAULT=die:CALLS      the process is killed at that call of the exchange
//   FAULT=flip:FOLDER    one bit changes of what is written to first moments of a checkpoint in FOLDER
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
/// Calls of the exchange; only one thread of a rank makes them.
nonisolated(unsafe) private var exchanges = 0

/// The function that this library hides. RTLD_NEXT is a macro that Swift does not import.
private func hidden<T>(_ name: String, as type: T.Type) -> T {
  unsafeBitCast(dlsym(UnsafeMutableRawPointer(bitPattern: -1), name)!, to: type)
}

private typealias Exchange =
  @convention(c) (
    UnsafeRawPointer?, UnsafePointer<Int32>, UnsafePointer<Int32>, OpaquePointer, UnsafeMutableRawPointer,
    UnsafePointer<Int32>, UnsafePointer<Int32>, OpaquePointer, OpaquePointer
  ) -> Int32

@_cdecl("MPI_Alltoallv")
public func exchange(
  _ sent: UnsafeRawPointer?, _ sendCounts: UnsafePointer<Int32>, _ sendStarts: UnsafePointer<Int32>,
  _ sendType: OpaquePointer, _ received: UnsafeMutableRawPointer, _ counts: UnsafePointer<Int32>,
  _ starts: UnsafePointer<Int32>, _ type: OpaquePointer, _ communicator: OpaquePointer
) -> Int32 {
  exchanges += 1
  if fault?.kind == "die", fault.map({ Int($0.detail) == exchanges }) == true { kill(getpid(), SIGKILL) }
  let code = hidden("MPI_Alltoallv", as: Exchange.self)(
    sent, sendCounts, sendStarts, sendType, received, counts, starts, type, communicator)
  guard fault?.kind == "order" else { return code }
  // Parts are of one length, one behind the other, from as many ranks as have sent.
  let numbers = received.assumingMemoryBound(to: Float.self)
  let length = Int(counts[0])
  var parts = 0
  while length > 0, parts < 8, starts[parts] == Int32(parts * length), counts[parts] == counts[0] {
    parts += 1
    if parts == size(communicator) { break }
  }
  for part in 0..<parts / 2 {
    for index in 0..<length {
      let (here, there) = (part * length + index, (parts - 1 - part) * length + index)
      (numbers[here], numbers[there]) = (numbers[there], numbers[here])
    }
  }
  return code
}

private func size(_ communicator: OpaquePointer) -> Int {
  var count: Int32 = 0
  _ = hidden(
    "MPI_Comm_size", as: (@convention(c) (OpaquePointer, UnsafeMutablePointer<Int32>) -> Int32).self)(
      communicator, &count)
  return Int(count)
}

@_cdecl("pwrite")
public func write(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int, _ offset: Int) -> Int {
  typealias Write = @convention(c) (Int32, UnsafeRawPointer, Int, Int) -> Int
  let next = hidden("pwrite", as: Write.self)
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

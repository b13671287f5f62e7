// Standard input as a data file. It can be read once, and data is read several times, so that it is kept.
import Base
import Compression
import Synchronization

package enum StandardInput {
  private static let held = Mutex<SpooledBytes?>(nil)

  /// Whether a name of a file means standard input.
  package static func isNamed(_ path: String) -> Bool { path == "-" || path == "/dev/stdin" }

  /// Keeps what was read, decompressed if it is compressed, for everybody who opens it from now on.
  /// - Throws: `UserError` if it is damaged.
  package static func keep(_ input: SpooledBytes) throws {
    guard let form = CompressedForm.seen(in: input.bytes) else { return held.withLock { $0 = input } }
    let whole = try DataBytes.decompressed(input.bytes, form, "standard input", release: { _ in }, check: {})
    held.withLock { $0 = whole }
  }

  /// Reads and keeps it, where this process is the only one.
  package static func read() throws {
    let spool = ByteSpool(for: "standard input")
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { part.deallocate() }
    while true {
      let count = try readStandardInput(into: part)
      guard count > 0 else { break }
      try spool.append(UnsafeRawBufferPointer(rebasing: part[..<count]))
    }
    try keep(try spool.finish())
  }

  /// - Throws: where nobody has read it.
  static func bytes() throws -> SpooledBytes {
    guard let bytes = held.withLock({ $0 }) else {
      throw UserError(.usage, "is not read by this command", at: "standard input", hint: "name a file")
    }
    return bytes
  }
}

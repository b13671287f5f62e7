// Large files, mapped into memory, even if they change while they are mapped.
import Foundation

/// A file's bytes, mapped into memory as long as this value lives: for files that may be large.
///
/// A file may become shorter while it is mapped, and its disk may fail. Reads then give zeros from that point on, and
/// `check` reports it. So what was read is valid only if `check` succeeds afterwards.
package final class MappedFile: MappedBytes, @unchecked Sendable {
  /// The bytes are gone with this value, so use them only while you keep it. Otherwise use `withBytes` or
  /// `OpenFile.contents`.
  package let bytes: UnsafeRawBufferPointer
  package let path: String
  private let range: MappedRange?
  private let identity: FileIdentity

  /// - Throws: `UserError` with the path and the reason if it cannot be read.
  package init(_ path: String) throws {
    self.path = path
    let file = try OpenFile(path)
    let count = file.bytes
    identity = file.identity
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      range = nil
      return
    }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0), base != MAP_FAILED
    else {
      throw UserError.unreadable(path)
    }
    bytes = UnsafeRawBufferPointer(start: base, count: count)
    range = MappedRange(base, count: count)
  }

  /// Takes a part out of this process's memory, which a later read brings back: what is read once should not count as
  /// held. Smaller parts are left.
  package func release(_ part: Range<Int>) {
    bytes.releasePages(of: part)
  }

  /// Whether some of the bytes that were read were missing, so that zeros were read instead.
  package var isBroken: Bool { range?.isBroken ?? false }

  /// - Throws: `UserError` if some of the bytes that were read were missing, so that zeros were read instead.
  package func check() throws {
    // The rest of the file's last page reads as zeros without a signal.
    var status = stat()
    if stat(path, &status) == 0, FileIdentity(status) == identity, status.st_size < bytes.count {
      throw UserError.cut(path, from: bytes.count, to: Int(status.st_size))
    }
    guard isBroken else { return }
    throw UserError(.data, "could not be read to its end: its disk failed, or it was changed", at: path)
  }

  /// - Throws: as `body` and `check`.
  package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) throws -> T {
    let result = Result { try withExtendedLifetime(self) { try body(bytes) } }
    // An error about zeros that were read is not an error of the file.
    try check()
    return try result.get()
  }
}

extension UnsafeRawBufferPointer {
  /// Takes a part of bytes that are mapped to a file out of this process's memory, until they are read again.
  func releasePages(of part: Range<Int>) {
    guard part.count >= 1 << 16, let base = baseAddress else { return }
    // Whole pages, since the others may be in use.
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (part.lowerBound + page - 1) / page * page
    let end = part.upperBound / page * page
    if end > first { madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED) }
  }
}

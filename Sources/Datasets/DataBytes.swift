// The bytes of a data file, as they stand there or decompressed.
import Base
import Compression

package final class DataBytes {
  /// Valid as long as this value lives.
  package let bytes: UnsafeRawBufferPointer
  private let path: String
  private let mapped: MappedFile?
  private let spooled: SpooledBytes?

  /// - Throws: `UserError` for a file that cannot be read, or that is damaged.
  package init(_ path: String) throws {
    self.path = path
    if StandardInput.isNamed(path) {
      let input = try StandardInput.bytes()
      (mapped, spooled, bytes) = (nil, input, input.bytes)
      return
    }
    let file = try MappedFile(path)
    guard let form = DataFileKind.of(path)?.form else {
      (mapped, spooled, bytes) = (file, nil, file.bytes)
      return
    }
    let whole = try Self.decompressed(file.bytes, form, path, release: file.release, check: file.check)
    (mapped, spooled, bytes) = (nil, whole, whole.bytes)
  }

  /// Releases bytes that are not read again from this process's memory.
  func release(_ part: Range<Int>) {
    mapped?.release(part)
    spooled?.release(part)
  }

  /// - Throws: if what was read is not what the file held.
  package func check() throws {
    try mapped?.check()
    guard spooled?.isBroken == true else { return }
    throw UserError(.disk, "what was decompressed could not be read: its disk failed", at: path)
  }

  /// - Parameters:
  ///   - release: called with bytes that are not read again.
  ///   - check: throws if what was read is not what the file held.
  static func decompressed(
    _ bytes: UnsafeRawBufferPointer, _ form: CompressedForm, _ path: String, release: (Range<Int>) -> Void,
    check: () throws -> Void
  ) throws -> SpooledBytes {
    /// Bytes that are decompressed at once.
    let partSize = 1 << 20
    let spool = ByteSpool(for: "what \(path) holds")
    let result = Result {
      let stream = form.decompression()
      var start = 0
      while start < bytes.count {
        let part = start..<min(start + partSize, bytes.count)
        try stream.feed(UnsafeRawBufferPointer(rebasing: bytes[part])) { try spool.append($0) }
        release(part)
        start = part.upperBound
      }
      try stream.finish()
      return try spool.finish()
    }
    // Damage of zeros that were read is not damage of the file.
    try check()
    do { return try result.get() } catch let damage as CompressedForm.Damage {
      throw UserError(
        .data,
        "cannot be decompressed as .\(form.rawValue): \(damage.reason) at byte offset \(damage.offset)",
        at: path,
        hint: "was it copied or downloaded whole?")
    }
  }
}

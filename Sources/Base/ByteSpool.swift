// Bytes that come one part after the other and are read as a whole, without memory for all of them.
import Foundation

/// Keeps a few bytes in memory, and more in a file without a name that is mapped, so that nothing outlives the process,
/// and the system may take pages away.
///
/// Most data sets are small, and then no disk is touched. Each process has bytes of its own: a name that the ranks of a
/// host share would be left behind by a rank that is killed.
package final class ByteSpool {
  /// More than that goes into a file.
  private let inMemory: Int
  /// Where the file lies.
  private let folder: String
  /// What to do where there is no room.
  private let hint: String
  /// What messages say cannot be kept.
  private let what: String
  private var memory: [UInt8] = []
  private var file: UnnamedFile?
  private var fileCount = 0

  /// Its file lies in `$TMPDIR`.
  package init(for what: String) {
    self.what = what
    inMemory = 16 << 20
    folder = FileManager.default.temporaryDirectory.path
    hint = "set TMPDIR to a folder with room"
  }

  /// - Parameters:
  ///   - folder: where its file lies.
  ///   - inMemory: how many bytes need no file.
  ///   - hint: what to do where there is no room.
  package init(for what: String, in folder: String, inMemory: Int, hint: String) {
    self.what = what
    self.inMemory = inMemory
    self.folder = folder
    self.hint = hint
  }

  /// - Throws: `UserError(.disk)` where there is no room.
  package func append(_ part: UnsafeRawBufferPointer) throws {
    memory.append(contentsOf: part)
    if memory.count > inMemory { try write() }
  }

  private func write() throws {
    let file = try file ?? UnnamedFile(in: folder, for: what, hint: hint)
    self.file = file
    try memory.withUnsafeBytes(file.append)
    fileCount += memory.count
    memory.removeAll(keepingCapacity: true)
  }

  /// All bytes; nothing can be added then.
  package func finish() throws -> SpooledBytes {
    guard let file else { return SpooledBytes(memory) }
    try write()
    memory = []
    let (base, range) = try file.mapped(fileCount, PROT_READ)
    return SpooledBytes(range, at: base, count: fileCount)
  }
}

/// Bytes that nobody else changes, as long as this value lives.
package final class SpooledBytes: MappedBytes, @unchecked Sendable {
  package let bytes: UnsafeRawBufferPointer
  private let memory: UnsafeMutableRawBufferPointer?
  private let range: MappedRange?

  fileprivate init(_ array: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: array.count, alignment: 16)
    copy.copyBytes(from: array)
    memory = copy
    bytes = UnsafeRawBufferPointer(copy)
    range = nil
  }

  fileprivate init(_ range: MappedRange, at base: UnsafeMutableRawPointer, count: Int) {
    self.range = range
    memory = nil
    bytes = UnsafeRawBufferPointer(start: base, count: count)
  }

  deinit { memory?.deallocate() }

  /// Takes a part out of this process's memory, which a later read brings back.
  package func release(_ part: Range<Int>) { if range != nil { bytes.releasePages(of: part) } }

  /// Whether the disk has failed to give some of them, so that zeros were read.
  package var isBroken: Bool { range?.isBroken ?? false }
}

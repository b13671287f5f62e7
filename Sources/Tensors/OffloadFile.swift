// Memory in a file on a local disk, for states that are touched once per step, from front to back. Its pages are read
// ahead of the update. Once updated, they are written back and unmapped, so that a rank holds only the pages that are in
// transit.
import Base
import Foundation

package final class OffloadFile {
  package let base: UnsafeMutableRawPointer
  private let bytes: Int
  private let file: UnnamedFile
  private let range: MappedRange
  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Zeroed memory in a file of its own, reserved on the disk.
  /// - Parameters:
  ///   - folder: a folder on a local disk; created if it does not exist.
  ///   - what: what the memory is for, in messages.
  ///   - hint: what to do if there is no room.
  /// - Throws: `UserError(.disk)` if the folder cannot be written to or has no room.
  init(folder: String, bytes: Int, for what: String, hint: String) throws {
    self.bytes = max(bytes, Self.page)
    file = try UnnamedFile(in: folder, reserving: self.bytes, for: what, hint: hint)
    (base, range) = try file.mapped(self.bytes)
  }

  /// - Throws: `UserError(.disk)` if the disk failed to read or write some of the memory, so that it is lost.
  package func check() throws {
    if range.isBroken { throw file.lost }
  }

  /// Starts to read bytes that are needed soon.
  package func fetch(_ range: Range<Int>) {
    let pages = pages(range)
    madvise(base + pages.lowerBound, pages.count, Int32(MADV_WILLNEED))
  }

  /// Starts to write bytes that are not needed soon, and unmaps them.
  package func release(_ range: Range<Int>) {
    let pages = pages(range)
    // The pages stay in the system's cache or on the disk; only their mapping goes.
    madvise(base + pages.lowerBound, pages.count, Int32(MADV_DONTNEED))
    // Linux starts to write the dirty pages, and drops the clean ones from its cache.
    posix_fadvise(file.descriptor, off_t(pages.lowerBound), off_t(pages.count), Int32(POSIX_FADV_DONTNEED))
  }

  private func pages(_ range: Range<Int>) -> Range<Int> {
    let end = min((range.upperBound + Self.page - 1) / Self.page * Self.page, bytes)
    return range.lowerBound / Self.page * Self.page..<max(end, range.lowerBound / Self.page * Self.page)
  }
}

extension FlatMemory {
  /// Zeroed numbers in memory, or in a file, which is then returned too.
  /// - Parameter offload: the folder of the file; nil for memory.
  package static func make(
    count: Int, label: String, offload: String?,
    hint: String = "set optimizer.offload to a folder on a local disk with room for every rank's states",
    ledger: MemoryLedger?
  ) throws -> (FlatMemory, OffloadFile?) {
    guard let offload else { return (FlatMemory(count: count, label: label, ledger: ledger), nil) }
    let file = try OffloadFile(
      folder: offload, bytes: count * MemoryLayout<Float>.stride, for: label, hint: hint)
    return (FlatMemory(file.base, count: count, of: file, counted: 0, label: label, ledger: ledger), file)
  }
}

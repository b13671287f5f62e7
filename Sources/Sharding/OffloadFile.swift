// Memory in a file on a local disk, for states that are touched once per step, from front to back.
//
// The file has no name once it is open, so nothing outlives the process. Its pages are read ahead of the update. Once
// updated, they are written back and unmapped, so that a rank holds only the pages that are in transit.
import Base
import Foundation
import Tensors

package final class OffloadFile {
  let base: UnsafeMutableRawPointer
  private let bytes: Int
  private let folder: String
  private let what: String
  private let range: MappedRange
  private let descriptor: Int32
  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Zeroed memory in a file of its own, reserved on the disk.
  /// - Parameters:
  ///   - folder: a folder on a local disk; created if it does not exist.
  ///   - what: what the memory is for, in messages.
  ///   - hint: what to do if there is no room.
  /// - Throws: `UserError(.disk)` if the folder cannot be written to or has no room.
  init(folder: String, bytes: Int, for what: String, hint: String) throws {
    let size = max(bytes, Self.page)
    do {
      (descriptor, base) = try Self.mapped(folder, bytes: size, for: what)
    } catch var error as UserError {
      error.hint = hint
      throw error
    }
    self.bytes = size
    self.folder = folder
    self.what = what
    range = MappedRange(base, count: size)
  }

  private static func mapped(
    _ folder: String, bytes size: Int, for what: String
  ) throws -> (descriptor: Int32, base: UnsafeMutableRawPointer) {
    try makeFolders(folder)
    var template = Array("\(folder)/swiftdp-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw UserError.disk("no file for \(what) can be made", folder) }
    unlink(template)
    // Reserve everything now, since a full disk would be a bus error later.
    let code = posix_fallocate(descriptor, 0, off_t(size))
    guard code == 0 else {
      close(descriptor)
      errno = code
      throw UserError.disk("cannot hold \(size) bytes of \(what)", folder)
    }
    let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else {
      defer { close(descriptor) }
      throw UserError.disk("\(size) bytes of \(what) cannot be mapped", folder)
    }
    return (descriptor, mapped)
  }

  deinit { close(descriptor) }

  /// - Throws: `UserError(.disk)` if the disk failed to read or write some of the memory, so that it is lost.
  package func check() throws {
    guard range.isBroken else { return }
    throw UserError(
      .disk, "the disk lost \(what) of this run", at: folder,
      hint: "start again to go on from the last checkpoint")
  }

  /// Starts to read bytes that are needed soon.
  func fetch(_ range: Range<Int>) {
    let pages = pages(range)
    madvise(base + pages.lowerBound, pages.count, Int32(MADV_WILLNEED))
  }

  /// Starts to write bytes that are not needed soon, and unmaps them.
  func release(_ range: Range<Int>) {
    let pages = pages(range)
    // The pages stay in the system's cache or on the disk; only their mapping goes.
    madvise(base + pages.lowerBound, pages.count, Int32(MADV_DONTNEED))
    // Linux starts to write the dirty pages, and drops the clean ones from its cache.
    posix_fadvise(descriptor, off_t(pages.lowerBound), off_t(pages.count), Int32(POSIX_FADV_DONTNEED))
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

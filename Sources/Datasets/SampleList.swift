// One number for each sample or row of a data set, in any order: in memory, or where there are very many of them in a file
// without a name.
import Base
import Foundation

/// Values are undefined until they are set. Several may read it at once.
final class SampleList: @unchecked Sendable {
  /// So many lie in memory in any case.
  static let mostInMemory = 1 << 24

  let count: Int
  private let base: UnsafeMutablePointer<Int32>
  /// Of a file; nil for memory.
  private let range: MappedRange?

  /// - Throws: `UserError(.disk)` where a file has no room.
  init(count: Int, in space: ColumnSpace) throws {
    self.count = count
    guard case .files(let folder) = space, count > Self.mostInMemory else {
      base = .allocate(capacity: max(count, 1))
      range = nil
      return
    }
    let bytes = count * MemoryLayout<Int32>.stride
    let mapped = try Self.mapped(bytes, folder)
    base = mapped.bindMemory(to: Int32.self, capacity: count)
    range = MappedRange(mapped, count: bytes)
  }

  private init(inMemory count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
    range = nil
  }

  static func inMemory(_ count: Int) -> SampleList { SampleList(inMemory: count) }

  deinit { if range == nil { base.deallocate() } }

  private static func mapped(_ bytes: Int, _ folder: String) throws -> UnsafeMutableRawPointer {
    func failure(_ code: Int32) -> UserError {
      errno = code
      var error = UserError.disk("cannot hold \(bytes) bytes for the order of the data", folder)
      error.hint = ColumnSpace.hint
      return error
    }
    var template = Array("\(folder)/swiftdp-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw failure(errno) }
    defer { close(descriptor) }
    unlink(template)
    // A full disk would be a bus error later.
    let code = posix_fallocate(descriptor, 0, off_t(bytes))
    guard code == 0 else { throw failure(code) }
    let base = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let base, base != MAP_FAILED else { throw failure(errno) }
    return base
  }

  subscript(_ place: Int) -> Int32 {
    get {
      precondition(place >= 0 && place < count, "a list is read outside of its numbers")
      return base[place]
    }
    set {
      precondition(place >= 0 && place < count, "a list is written outside of its numbers")
      base[place] = newValue
    }
  }

  func swapAt(_ one: Int, _ other: Int) { (self[one], self[other]) = (self[other], self[one]) }

  /// - Throws: if the disk has lost some of it.
  func check() throws {
    guard range?.isBroken == true else { return }
    throw UserError(.disk, "the disk has lost the order of the data", at: "data.cache", hint: "start again")
  }

  /// Takes the pages of a file out of this process's memory, where many were touched.
  func release() {
    guard range != nil else { return }
    madvise(base, count * MemoryLayout<Int32>.stride, Int32(MADV_DONTNEED))
  }
}

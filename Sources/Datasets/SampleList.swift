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
    let file = try UnnamedFile(
      in: folder, reserving: bytes, for: "the order of the data", hint: ColumnSpace.hint)
    let mapped = try file.mapped(bytes)
    base = mapped.base.bindMemory(to: Int32.self, capacity: count)
    range = mapped.range
  }

  private init(inMemory count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
    range = nil
  }

  static func inMemory(_ count: Int) -> SampleList { SampleList(inMemory: count) }

  deinit { if range == nil { base.deallocate() } }

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

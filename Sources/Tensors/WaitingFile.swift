// Numbers that wait on a local disk until they are needed. They are written and read, not mapped: a page of a mapped file
// is read before it is written. Free memory serves as a cache, which the system empties where it needs it.
import Base
import Foundation

package final class WaitingFile: @unchecked Sendable {
  /// How many floats it has room for.
  package let count: Int
  private let file: UnnamedFile
  private var hasFailed = false

  /// - Throws: `UserError(.disk)` if the folder cannot be written to or has no room.
  package init(folder: String, count: Int, for what: String, hint: String) throws {
    self.count = count
    file = try UnnamedFile(in: folder, reserving: max(count, 1) * Self.size, for: what, hint: hint)
  }

  private static let size = MemoryLayout<Float>.size

  package func write(_ numbers: UnsafePointer<Float>, to range: Range<Int>) {
    move(range) { pwrite(file.descriptor, UnsafeRawPointer(numbers) + $0, $1, $2) }
  }

  package func read(_ range: Range<Int>, into numbers: UnsafeMutablePointer<Float>) {
    move(range) { pread(file.descriptor, UnsafeMutableRawPointer(numbers) + $0, $1, $2) }
  }

  /// Calls the system until all bytes are moved.
  /// - Parameter call: gets how many are, how many are not, and the place of these in the file.
  private func move(_ range: Range<Int>, _ call: (Int, Int, off_t) -> Int) {
    let (start, bytes) = (range.lowerBound * Self.size, range.count * Self.size)
    var done = 0
    while done < bytes {
      let moved = call(done, bytes - done, off_t(start + done))
      if moved < 0, errno == EINTR { continue }
      guard moved > 0 else {
        hasFailed = true
        return
      }
      done += moved
    }
  }

  /// Starts to read numbers that are needed soon.
  package func fetch(_ range: Range<Int>) {
    posix_fadvise(
      file.descriptor, off_t(range.lowerBound * Self.size), off_t(range.count * Self.size),
      Int32(POSIX_FADV_WILLNEED))
  }

  /// - Throws: `UserError(.disk)` if some numbers were not written or read.
  package func check() throws { if hasFailed { throw file.lost } }
}

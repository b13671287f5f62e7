// What a data file holds, whatever it is called: a hash that several ranks and threads can compute together.
import Base
import Digests
import Foundation

/// What a file system tells of a file that changes when the file does.
struct FileStamp: Equatable, Sendable {
  var bytes: Int
  /// In nanoseconds since 1970.
  var modified: Int
  var changed: Int
  var inode: Int

  /// - Throws: `UserError` where there is no file.
  init(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw UserError(.data, "cannot be read: \(String(cString: strerror(errno)))", at: path)
    }
    func nanoseconds(_ time: timespec) -> Int {
      time.tv_sec.multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ time.tv_nsec
    }
    bytes = Int(status.st_size)
    modified = nanoseconds(status.st_mtim)
    changed = nanoseconds(status.st_ctim)
    inode = Int(truncatingIfNeeded: status.st_ino)
  }

  init?(_ json: JSON) {
    guard let bytes = json["bytes"]?.integer, let modified = json["modified"]?.integer,
      let changed = json["changed"]?.integer, let inode = json["inode"]?.integer
    else { return nil }
    (self.bytes, self.modified, self.changed, self.inode) = (bytes, modified, changed, inode)
  }

  var json: [(String, JSON)] {
    [
      ("bytes", .integer(bytes)), ("modified", .integer(modified)), ("changed", .integer(changed)),
      ("inode", .integer(inode)),
    ]
  }

  /// Whether a host that reaches the file in another way sees the same one.
  func isSame(as other: FileStamp) -> Bool { bytes == other.bytes && modified == other.modified }

  /// Whether another change since a time might not show in the stamp: file systems count in ticks, some in whole seconds.
  func isRecent(at time: Date) -> Bool {
    let second = 1_000_000_000
    let tick = modified.isMultiple(of: second) && changed.isMultiple(of: second) ? 2.0 : 0.05
    return Double(max(modified, changed)) / 1e9 > time.timeIntervalSince1970 - tick
  }
}

package struct FileContent: Equatable, Sendable {
  /// The hash of its bytes.
  var hash: String
  var stamp: FileStamp
}

/// A part of a file whose hash is computed at once.
package struct ContentChunk: Equatable, Sendable {
  private static let size = 64 << 20
  package let path: String
  package let range: Range<Int>

  package init(path: String, range: Range<Int>) {
    self.path = path
    self.range = range
  }

  /// The parts of a file of so many bytes.
  static func all(of path: String, bytes: Int) -> [ContentChunk] {
    stride(from: 0, to: max(bytes, 1), by: size).map {
      ContentChunk(path: path, range: $0..<min($0 + size, bytes))
    }
  }

  /// - Throws: `UserError` if it cannot be read.
  package func hash() throws -> String {
    let file = try OpenFile(path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var hash = SHA256()
    for start in stride(from: range.lowerBound, to: range.upperBound, by: buffer.count) {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, range.upperBound - start)])
      try file.read(part, at: start)
      hash.update(UnsafeRawBufferPointer(part))
    }
    return hexadecimal(hash.finalize())
  }

  /// The hash of a whole file.
  static func hash(of path: String) throws -> String {
    let bytes = try FileStamp(path).bytes
    return joined(try all(of: path, bytes: bytes).map { try $0.hash() }, bytes: bytes)
  }

  /// The hash of a file from those of its parts.
  static func joined(_ hashes: [String], bytes: Int) -> String { CacheKey(["\(bytes)"] + hashes).digits }
}

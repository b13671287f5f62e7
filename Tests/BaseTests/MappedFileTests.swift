// Files that become shorter while they are mapped, or are replaced.
import Base
import Foundation
import Testing

@Suite struct MappedFileTests {
  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// A file of ones, gone after the body.
  private func withFile<T>(bytes: Int, _ body: (String) throws -> T) throws -> T {
    let path = FileManager.default.temporaryDirectory.path + "/swiftdp-mapped-" + UUID().uuidString
    try Data(repeating: 1, count: bytes).write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    return try body(path)
  }

  private func sum(_ file: MappedFile) throws -> Int {
    try file.withBytes { $0.reduce(0) { $0 + Int($1) } }
  }

  @Test func wholeFilesAreRead() throws {
    try withFile(bytes: 10 * Self.page + 7) { (path: String) throws in
      #expect(try sum(MappedFile(path)) == 10 * Self.page + 7)
      #expect(try OpenFile.contents(path) == [UInt8](repeating: 1, count: 10 * Self.page + 7))
    }
  }

  /// The file is cut at pages, which raises a signal, and inside its last page, which reads as zeros.
  @Test(arguments: [0, 1, 4096, 5000, 8 * 4096 + 10]) func shorterOnesAreToldOf(_ left: Int) throws {
    let size = 8 * Self.page + 100
    try withFile(bytes: size) { (path: String) throws in
      let file = try MappedFile(path)
      #expect(try sum(file) == size)
      truncate(path, left)
      let error = UserError(
        .data, "was \(size) bytes long, and became \(left) bytes long while it was read", at: path)
      #expect(throws: error) { try sum(file) }
      // Other mappings are unharmed, and so is the process.
      #expect(try sum(MappedFile(path)) == left)
    }
  }

  /// The error of a reader that finds zeros wrong is not the one that is reported.
  @Test func theCauseIsTold() throws {
    let size = 4 * Self.page
    try withFile(bytes: size) { (path: String) throws in
      let file = try MappedFile(path)
      truncate(path, 0)
      let error = UserError(
        .data, "was \(size) bytes long, and became 0 bytes long while it was read", at: path)
      #expect(throws: error) {
        try file.withBytes { bytes in
          if bytes[size - 1] == 0 { throw UserError(.data, "is zero") }
        }
      }
    }
  }

  @Test func aFileThatTakesItsPlaceDoesNotMatter() throws {
    try withFile(bytes: 3 * Self.page) { (path: String) throws in
      let file = try MappedFile(path)
      try withFile(bytes: 5) { (other: String) throws in
        #expect(rename(other, path) == 0)
        #expect(try sum(file) == 3 * Self.page)
        #expect(try sum(MappedFile(path)) == 5)
      }
    }
  }

  /// From many threads at once, as weights are read.
  @Test func manyThreadsAreTold() throws {
    let size = 64 * Self.page
    try withFile(bytes: size) { (path: String) throws in
      let file = try MappedFile(path)
      truncate(path, Self.page)
      let group = DispatchGroup()
      for _ in 0..<8 {
        DispatchQueue.global().async(group: group) { _ = try? file.withBytes { $0.reduce(0) { $0 ^ $1 } } }
      }
      group.wait()
      #expect(throws: UserError.self) { try file.check() }
    }
  }
}

// Reading whole files, with the system's own reason where it fails.
import Foundation

/// A file's bytes, mapped into memory as long as this value lives.
///
/// A file that shrinks while it is mapped ends the program with SIGBUS; swiftdp maps only files that
/// it reads once at the start.
package final class MappedFile: @unchecked Sendable {
  /// Gone with this value: only for those who keep it; others use `withBytes` or `contents`.
  package let bytes: UnsafeRawBufferPointer
  package let path: String

  /// - Throws: `UserError` with the path and the reason where it cannot be read.
  package init(_ path: String) throws {
    self.path = path
    // A pipe is opened without waiting for somebody to write into it, and refused.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw UserError(.data, "this is not a file", at: path)
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw Self.unreadable(path)
    }
    bytes = UnsafeRawBufferPointer(start: base, count: count)
  }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }

  private static func unreadable(_ path: String) -> UserError {
    UserError(.data, "cannot be read: \(String(cString: strerror(errno)))", at: path)
  }

  package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
    try withExtendedLifetime(self) { try body(bytes) }
  }

  /// A whole file, copied.
  package static func contents(_ path: String) throws -> [UInt8] {
    try MappedFile(path).withBytes { Array($0) }
  }

  /// The file as JSON.
  package func json() throws -> JSON {
    // The bytes are gone with this value, which the caller may have let go of already.
    defer { withExtendedLifetime(self) {} }
    do {
      return try withBytes { try JSON.parse($0.bindMemory(to: UInt8.self)) }
    } catch {
      throw UserError(.data, "is not JSON: \(error)", at: path)
    }
  }
}

extension UserError {
  /// That a file of the user's is not there, or is none: a mistake in how swiftdp was called, where what is wrong
  /// in a file is one of data. Nil where there is a file.
  /// - Parameter place: the key or option that names it.
  package static func noFile(_ path: String, at place: String = "") -> UserError? {
    var isFolder: ObjCBool = false
    if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      return UserError(.usage, "there is no file \(path)", at: place)
    }
    return isFolder.boolValue
      ? UserError(.usage, "\(path) is a folder", at: place, hint: "name its files") : nil
  }

  /// The current `errno` as an error of the disk.
  package static func disk(_ doing: String, _ path: String) -> UserError {
    UserError(.disk, "\(doing): \(String(cString: strerror(errno)))", at: path)
  }
}

/// Why Foundation could not do something, in the system's own words where it has kept them.
package func systemReason(_ error: any Error) -> String {
  let error = error as NSError
  let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
  guard cause.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
  return String(cString: strerror(Int32(cause.code)))
}

/// Makes a folder and those above it, where they are not there yet.
/// - Throws: `UserError(.disk)`, always with the system's reason, which Foundation does not keep.
package func makeFolders(_ path: String) throws {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
    if isFolder.boolValue { return }
    throw UserError(.disk, "is a file, where a folder is meant", at: path)
  }
  // Not by Foundation, whose deletingLastPathComponent traps on names of one character.
  let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
  let parent = trimmed.lastIndex(of: "/").map { String(trimmed[..<$0]) } ?? ""
  if !parent.isEmpty { try makeFolders(parent) }
  // Another process may have been faster.
  if mkdir(path, 0o777) == 0 { return }
  let error = UserError.disk("the folder cannot be made", path)
  let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
  guard exists, isFolder.boolValue else { throw error }
}

// Creates, lists and removes folders, always with the system's reason if that fails: Foundation keeps the reason in
// some cases only.
import Foundation

/// Creates a folder and those above it, unless they exist.
/// - Throws: `UserError(.disk)`.
package func makeFolders(_ path: String) throws {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
    if isFolder.boolValue { return }
    throw UserError(.disk, "is a file, where a folder is meant", at: path)
  }
  let parent = folder(of: path)
  if !parent.isEmpty { try makeFolders(parent) }
  // Another process may have been faster.
  if mkdir(path, 0o777) == 0 { return }
  let error = UserError.disk("the folder cannot be made", path)
  let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
  guard exists, isFolder.boolValue else { throw error }
}

/// The folder that a path lies in; empty for the current one. Foundation's deletingLastPathComponent traps on names of
/// one character, so it is not used.
package func folder(of path: String) -> String {
  let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
  guard let slash = trimmed.lastIndex(of: "/") else { return "" }
  return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}

/// Bytes that this user may still write there.
/// - Throws: `UserError(.disk)`.
package func freeBytes(inFolder path: String) throws -> Int {
  var facts = statvfs()
  guard statvfs(path, &facts) == 0 else { throw UserError.disk("its room cannot be told", path) }
  return Int(min(Double(facts.f_bavail) * Double(facts.f_frsize), 0x1p62))
}

/// The entries of a folder, in no particular order.
/// - Throws: `UserError(.disk)`.
package func names(inFolder path: String) throws -> [String] {
  guard let folder = opendir(path) else { throw UserError.disk("cannot be listed", path) }
  defer { closedir(folder) }
  var names: [String] = []
  errno = 0
  while let entry = readdir(folder) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != ".", name != ".." { names.append(name) }
    errno = 0
  }
  guard errno == 0 else { throw UserError.disk("cannot be listed", path) }
  return names
}

/// Removes a file, a folder and everything in it, or a link but not its target. Does nothing if there is nothing to
/// remove.
/// - Throws: `UserError(.disk)` with the path that cannot be removed.
package func removeTree(_ path: String) throws {
  var status = stat()
  guard lstat(path, &status) == 0 else {
    if errno == ENOENT { return }
    throw UserError.disk("cannot be removed", path)
  }
  guard status.st_mode & S_IFMT == S_IFDIR else {
    guard unlink(path) == 0 || errno == ENOENT else { throw UserError.disk("cannot be removed", path) }
    return
  }
  for name in try names(inFolder: path) { try removeTree("\(path)/\(name)") }
  guard rmdir(path) == 0 || errno == ENOENT else { throw UserError.disk("cannot be removed", path) }
}

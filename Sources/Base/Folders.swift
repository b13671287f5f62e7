// Folders that are made, listed and removed, always with the system's reason where that fails: Foundation keeps it
// in some cases only.
import Foundation

/// Makes a folder and those above it, where they are not there yet.
/// - Throws: `UserError(.disk)`.
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

/// What a folder holds, in no order.
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

/// Removes a file, a folder and all in it, or a link without what it points to; nothing where there is nothing.
/// - Throws: `UserError(.disk)` with what cannot be removed.
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
